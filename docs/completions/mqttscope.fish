# Completion for fish.
# SPDX-License-Identifier: GPL-2.0-or-later
# Made from analyzer/options.def by scripts/docs. Change it there.

function __mqttscope_ids
    set -l program (commandline -opc)[1]
    $program --rules 2>/dev/null | cut -f 1
    $program --diagnoses 2>/dev/null | cut -f 1
end

complete -c mqttscope -s r -l read -r -F -d 'read FILE (same as CAPTURE)'
complete -c mqttscope -s i -l interface -x -a '(ls /sys/class/net 2>/dev/null)' -d 'capture from an interface until interrupted'
complete -c mqttscope -s f -l filter -x -d 'take only packets that match (pcap-filter(7))'
complete -c mqttscope -s d -l decode-as -x -d 'expect MQTT on TCP port N; repeatable'
complete -c mqttscope -l broker -x -d 'these endpoints are one broker; repeatable'
complete -c mqttscope -l keylog -r -F -d 'TLS secrets, as of SSLKEYLOGFILE; repeatable'
complete -c mqttscope -l no-deliveries -d 'do not match deliveries with publications: faster'
complete -c mqttscope -l memory -x -d 'bound of what grows, such as 512M (1G)'
complete -c mqttscope -l annotate -r -F -d 'the capture, findings as comments on packets'
complete -c mqttscope -l extract -x -d 'with -w: the packets of this client alone'
complete -c mqttscope -s w -l write -r -F -d 'the pcapng file that --extract writes'
complete -c mqttscope -l json -r -F -d 'the report as JSON'
complete -c mqttscope -l ndjson -r -F -d 'every event, a line of JSON each, as it happens'
complete -c mqttscope -l sqlite -r -F -d 'a SQLite database: handshakes, messages, findings'
complete -c mqttscope -l csv -r -F -d 'the same tables as CSV, in the folder FILE'
complete -c mqttscope -l html -r -F -d 'a page for a browser, which needs no network'
complete -c mqttscope -l sarif -r -F -d 'findings and diagnoses for code hosts, editors'
complete -c mqttscope -l junit -r -F -d 'a test result for each rule, for CI'
complete -c mqttscope -l metrics -r -F -d 'counters for Prometheus; refreshed while live'
complete -c mqttscope -l only -x -a '(__fish_append , (__mqttscope_ids))' -d 'look for these findings and diagnoses alone'
complete -c mqttscope -l client -x -d 'report on this client identifier alone'
complete -c mqttscope -l topic -x -d 'report on topics that match alone'
complete -c mqttscope -l from -x -d 'report on what happens from then on: 1m30s'
complete -c mqttscope -l to -x -d 'read nothing later: 2026-11-22T09:46:20Z'
complete -c mqttscope -s q -l quiet -d 'verdict, diagnoses and findings only'
complete -c mqttscope -s v -l verbose -d 'all rows of all tables'
complete -c mqttscope -l color -x -a 'auto always never' -d 'auto (the default), always, never'
complete -c mqttscope -l fail-on -x -a 'error warning note' -d 'exit with 1 if there is one such or worse'
complete -c mqttscope -l rules -d 'list all rules'
complete -c mqttscope -l diagnoses -d 'list all diagnoses'
complete -c mqttscope -l explain -x -a '(__mqttscope_ids)' -d 'what a rule, a diagnosis or an excuse means'
complete -c mqttscope -s h -l help -d 'this text'
complete -c mqttscope -s V -l version -d 'version'
