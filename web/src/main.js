// SPDX-License-Identifier: GPL-2.0-or-later
// The page: what the report says, from the verdict down to the last handshake.

import {html, nothing, render} from 'lit/html.js';
import {report, tables, word} from './data.js';
import {keepAlive, latencies, overTime, rhythms} from './charts.js';
import {matrix, publishersOf, topicTree} from './deliveries.js';
import {onShowInTimeline} from './detail.js';
import * as format from './format.js';
import {Timeline} from './lanes.js';
import {copyable, severities, sign, tally} from './parts.js';
import * as views from './tables.js';
import {length, offset, rules} from './data.js';

const {capture, totals, diagnoses} = report;
const worst = severities.find(severity => diagnoses.some(diagnosis => diagnosis.severity === severity))
    ?? severities.find(severity => totals.findings[severity] > 0);
const grave = severities.find(severity => totals.findings[severity] > 0);

/* ---- The verdict ---- */

const verdicts = {
    error: 'Something is broken',
    warning: 'It works, but not well',
    note: 'All is well, with remarks',
};

const overall = [worst, grave].includes('error') ? 'error' : [worst, grave].includes('warning') ? 'warning' : worst ?? grave ?? 'good';

/* Who is to blame for errors and warnings: clients by name, servers. */
function blamed() {
    const {findings} = tables;
    const list = key => findings.columns.get(key)?.numbers ?? [];
    const severity = list('severity'), role = list('blames'), client = list('client_id');
    const by = new Map();
    for (let row = 0; row < findings.count; row++) { // numbers of words, for there may be 100,000
        if (role[row] === null || role[row] === undefined || word(severity[row]) === 'note')
            continue;
        const server = word(role[row]) === 'server';
        const key = server ? 'server' : client[row];
        const entry = by.get(key) ?? {name: server ? 'the server' : word(client[row]) ?? 'clients without a name',
            role: word(role[row]), client: server ? null : word(client[row]), error: 0, warning: 0};
        entry[word(severity[row])]++;
        by.set(key, entry);
    }
    return [...by.values()].sort((a, b) => b.error - a.error || b.warning - a.warning);
}

const clientNames = diagnosis => diagnosis.clients.length === 0 ? diagnosis.servers.slice(0, 2).join(', ')
    : diagnosis.clients.slice(0, 3).join(', ') + (diagnosis.clients.length > 3 ? ` and ${format.count(diagnosis.clients.length - 3)} more` : '');

function who() {
    const list = blamed();
    if (list.length === 0)
        return nothing;
    return html`<div class="who"><h2>Who broke promises</h2><ul>${list.slice(0, 5).map(entry => html`<li>
        <button type="button" class="link" @click=${() => shown.findings.show(entry.client ?? '', ['', '', entry.role])}>${entry.name}</button>
        <span>${tally({...entry, note: 0})}</span></li>`)}
        ${list.length > 5 ? html`<li class="quiet">and ${format.count(list.length - 5)} more</li>` : nothing}</ul></div>`;
}

function cause() {
    const [first] = diagnoses;
    if (first)
        return html`<div class="cause"><h2>${first.sure ? 'The cause' : 'The likely cause'}</h2>
            <p class="lead">${first.title}</p>
            ${clientNames(first) && !first.title.includes(clientNames(first)) ? html`<p><b>Whose</b> ${clientNames(first)}</p>` : nothing}
            <p><b>What to do</b> ${first.advice}</p>
            ${diagnoses.length > 1 ? html`<p><a href="#diagnoses">${format.plural(diagnoses.length - 1, 'further cause')}</a></p>` : nothing}</div>`;
    const rule = report.rules.filter(each => each.severity === grave).sort((a, b) => b.count - a.count)[0];
    if (!rule || grave === 'note')
        return nothing;
    return html`<div class="cause"><h2>Most of all</h2><p class="lead">${rule.title}${rule.count > 1 ? html`, ${format.count(rule.count)} times` : nothing}</p>
        <p>${rule.explanation}</p></div>`;
}

const verdict = () => html`<section class=${`verdict ${overall}`} aria-labelledby="verdict">
    <div class="line">${sign(overall, false)}<div><h1 id="verdict">${overall === 'good' ? 'All is well' : verdicts[overall]}</h1>
        <p>${diagnoses.length > 0 ? html`${format.plural(diagnoses.length, diagnoses[0].sure ? 'cause' : 'likely cause')}; ` : nothing}${
            tally(totals.findings) !== 'nothing' ? tally(totals.findings)
                : diagnoses.length > 0 ? 'no packet by itself breaks the specification'
                    : 'Nothing was found against the specification, and nothing worth a remark.'}</p></div></div>
    <div class="answers">${cause()}${who()}</div></section>`;

/* ---- Numbers ---- */

const packets = Object.values(totals.control_packets).reduce((sum, both) => sum + both.client + both.server, 0);
const {delivery_totals: deliveries} = report;
const excused = Object.values(deliveries.excused ?? {}).reduce((sum, number) => sum + number, 0);

const figure = (value, name, remark, href) => html`<li><a href=${href}><b>${value}</b><span>${name}</span>${remark ? html`<small>${remark}</small>` : nothing}</a></li>`;

const numbers = () => html`<ul class="numbers">
    ${figure(format.count(totals.clients), totals.clients === 1 ? 'client' : 'clients', null, '#sessions')}
    ${figure(format.count(totals.connections), totals.connections === 1 ? 'connection' : 'connections',
        Object.entries(totals.versions).map(([version, number]) => `${format.count(number)} MQTT ${version}`).join(', '), '#connections')}
    ${figure(format.count(packets), 'control packets', `in ${format.duration(length)}`, '#busy')}
    ${deliveries.expected > 0 ? figure(`${format.count(deliveries.delivered)}/${format.count(deliveries.expected)}`, 'deliveries came',
        [deliveries.lost && `${format.count(deliveries.lost)} lost`, deliveries.twice && `${format.count(deliveries.twice)} twice`,
            deliveries.late && `${format.count(deliveries.late)} late`, excused && `${format.count(excused)} excused`].filter(Boolean).join(', ') || 'all of them', '#deliveries') : nothing}
    ${deliveries.latency_us ? figure(format.duration(deliveries.latency_us.p50), 'from publisher to subscriber', `p95 ${format.duration(deliveries.latency_us.p95)}, max ${format.duration(deliveries.latency_us.max)}`, '#latencies') : nothing}
</ul>`;

const limits = () => capture.limits.length === 0 && !capture.files.some(file => file.problem) ? nothing : html`
    <details class="limits"><summary>What the capture lacks, or had to be left out: ${format.plural(capture.limits.length, 'remark')}</summary>
    <ul>${capture.files.filter(file => file.problem).map(file => html`<li><b>${file.name}</b>: ${file.problem}</li>`)}
        ${capture.limits.map(limit => html`<li><b>${format.count(limit.count)} ${limit.counted}</b>: ${limit.consequence}
            ${limit.hint ? html` Try <code>${limit.hint}</code>.` : nothing}</li>`)}</ul></details>`;

/* ---- Diagnoses ---- */

const evidence = diagnosis => html`<details ?open=${diagnosis.evidence.length <= 4}><summary>${format.plural(diagnosis.count, 'time')}, from ${
    format.at(offset(diagnosis.since))} to ${format.at(offset(diagnosis.until))}</summary>
    <ol class="evidence">${diagnosis.evidence.map(each => html`<li><span>${format.at(offset(each.time))}${each.frame ? html`<small>frame ${each.frame}</small>` : nothing}</span> ${each.text}</li>`)}
    ${diagnosis.count > diagnosis.evidence.length ? html`<li class="quiet">and ${format.count(diagnosis.count - diagnosis.evidence.length)} more</li>` : nothing}</ol></details>`;

const diagnosisCard = diagnosis => html`<article class=${`card ${diagnosis.severity}`}>
    <h3>${sign(diagnosis.severity)} ${diagnosis.title}</h3>
    <p class="quiet">${diagnosis.sure ? 'The capture shows it' : 'Likely'}${clientNames(diagnosis) ? `: ${clientNames(diagnosis)}` : ''} · <code>${diagnosis.id}</code></p>
    <p><b>What to do</b> ${diagnosis.advice}</p>
    ${evidence(diagnosis)}
    ${diagnosis.sure ? nothing : html`<p><b>Or else</b> ${diagnosis.alternatives}</p>`}
    ${copyable(diagnosis.display_filter)}</article>`;

/* ---- The page ---- */

const section = (id, title, content, intro = nothing) => html`<section id=${id} aria-labelledby=${`${id}-title`}>
    <h2 id=${`${id}-title`}>${title}</h2>${intro}${content}</section>`;

const place = html`<div class="view"></div>`;

const sections = [
    diagnoses.length > 0 && ['diagnoses', 'What is the matter', html`<div class="cards">${diagnoses.map(diagnosisCard)}</div>`],
    ['findings', 'Findings', tables.findings.count > 0 ? place : html`<p class="quiet">Nothing was found.</p>`],
    tables.connections.count > 0 && ['timeline', 'Clients over time', place],
    tables.connections.count > 0 && ['busy', 'How busy it was', html`<div class="plots"></div>`],
    ['latencies', 'How long it took', latencies()],
    tables.connections.count > 0 && ['rhythm', 'Silence and reconnects', html`<h3>Keep alive: the longest silence of each client</h3>${keepAlive()}${rhythms()}`],
    tables.deliveries.count > 0 && ['deliveries', 'Deliveries', html`${matrix()}${place}`],
    tables.topics.count > 0 && ['topics', 'Topics', topicTree()],
    tables.connections.count > 0 && ['connections', 'Connections', place],
    tables.sessions.count > 0 && ['sessions', 'Sessions', place],
    report.handshakes.length > 0 && ['handshakes', 'Handshakes', place],
].filter(Boolean);

const short = {diagnoses: 'Causes', findings: 'Findings', timeline: 'Timeline', busy: 'Traffic', latencies: 'Latency', rhythm: 'Keep alive',
    deliveries: 'Deliveries', topics: 'Topics', connections: 'Connections', sessions: 'Sessions', handshakes: 'Handshakes'};

const title = capture.files.map(file => file.name.split('/').pop()).join(', ') || 'nothing';
document.title = `${overall === 'good' ? 'All is well' : verdicts[overall]} – ${title}`;

const themes = ['auto', 'light', 'dark'];

function setTheme(name) {
    document.documentElement.dataset.theme = name;
    timeline?.draw();
    const plots = document.querySelector('.plots');
    if (plots?.firstChild)
        overTime(plots);
}

render(html`
    <a class="skip" href="#content">To the report</a>
    <header class="top"><div><b class="brand">mqttscope</b> <span class="file">${title}</span></div>
        <label>Colours <select @change=${event => setTheme(event.target.value)}>${themes.map(name => html`<option value=${name}>${name}</option>`)}</select></label></header>
    <nav aria-label="Sections"><ul>${sections.map(([id, name]) => html`<li><a href=${`#${id}`}>${short[id]}</a></li>`)}</ul></nav>
    <main id="content">
        ${verdict()}${numbers()}${limits()}
        ${sections.map(([id, name, content]) => section(id, name, content))}
        <div id="print"></div>
    </main>
    <footer class="quiet"><p>${format.clock(0)} to ${format.clock(length)} · ${format.count(capture.packets)} packets, ${format.bytes(capture.bytes)} · ${report.generator}</p></footer>`,
document.getElementById('page'));

/* ---- What is made when it comes into sight ---- */

const at = id => document.querySelector(`#${id} .view`);
const shown = {};
let timeline = null;

const makers = {
    findings: () => views.findings(at('findings')),
    deliveries: () => views.deliveries(at('deliveries'), publishersOf),
    connections: () => views.connections(at('connections')),
    sessions: () => views.sessions(at('sessions')),
    handshakes: () => views.handshakes(at('handshakes')),
};

for (const [id] of sections)
    if (makers[id] && at(id))
        shown[id] = makers[id]();

const onSight = new IntersectionObserver(entries => {
    for (const entry of entries.filter(each => each.isIntersecting)) {
        onSight.unobserve(entry.target);
        const {id} = entry.target;
        if (id === 'timeline')
            timeline ??= new Timeline(at('timeline'));
        else if (id === 'busy')
            overTime(entry.target.querySelector('.plots'));
        else
            shown[id]?.make();
    }
}, {rootMargin: '300px'});
document.querySelectorAll('main > section[id]').forEach(element => onSight.observe(element));

onShowInTimeline((row, from, to) => {
    timeline ??= new Timeline(at('timeline'));
    timeline.show(row, from, to);
});

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => setTheme(document.documentElement.dataset.theme ?? 'auto'));

/* ---- On paper ---- */

const PRINTED = 200;

addEventListener('beforeprint', () => {
    const {findings} = tables;
    const rows = findings.rows.slice(0, PRINTED);
    document.querySelectorAll('details').forEach(element => {
        element.dataset.was = element.open ? '1' : '';
        element.open = true;
    });
    timeline ??= at('timeline') ? new Timeline(at('timeline')) : null;
    timeline?.paint();
    render(rows.length === 0 ? nothing : html`<section><h2>Findings</h2>
        <table><thead><tr><th>Severity</th><th>When</th><th>Frame</th><th>Client</th><th>What</th></tr></thead>
        <tbody>${rows.map(row => html`<tr><td>${row.severity}</td><td>${format.at(row.time)}</td><td>${row.frame ?? '–'}</td><td>${row.client_id ?? '–'}</td>
            <td>${rules.get(row.rule).title}: ${row.text}</td></tr>`)}</tbody></table>
        ${findings.count > PRINTED ? html`<p>and ${format.count(findings.count - PRINTED)} more</p>` : nothing}</section>`,
    document.getElementById('print'));
});

addEventListener('afterprint', () => {
    render(nothing, document.getElementById('print'));
    document.querySelectorAll('details').forEach(element => { element.open = element.dataset.was === '1'; });
});

// For the tests, and for who opens the console.
document.documentElement.dataset.ready = 'true';
