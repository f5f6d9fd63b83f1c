// SPDX-License-Identifier: GPL-2.0-or-later
// One finding, connection or session in full, in a panel beside the page (on a phone: over it).

import {html, nothing, render} from 'lit/html.js';
import {ladderOf, report, rules, tables} from './data.js';
import * as format from './format.js';
import {ladder} from './ladder.js';
import {copyable, facts, sign, tally} from './parts.js';

const panel = document.getElementById('detail');
let showInTimeline = () => {};

/** Tells the panel how to show a place in the timeline. */
export const onShowInTimeline = callback => { showInTimeline = callback; };

function open(title, content) {
    render(html`<header><h2 id="detail-title">${title}</h2>
        <button type="button" class="close" aria-label="Close" @click=${() => panel.close()}>×</button></header>
        <div class="content">${content}</div>`, panel);
    if (!panel.open)
        panel.showModal();
    panel.scrollTop = 0;
}

panel.addEventListener('click', event => {
    if (event.target === panel)
        panel.close();
});

const timelineButton = (connection, from, to) => html`<button type="button" @click=${() => {
    panel.close();
    showInTimeline(connection, from, to);
}}>Show in the timeline</button>`;

const connectionButton = id => {
    const row = id === null ? undefined : tables.connections.where('id', id)[0];
    return row === undefined ? nothing
        : html`<button type="button" @click=${() => openConnection(row)}>Its connection</button>`;
};

const wholeLadder = finding => {
    const raw = ladderOf(finding);
    if (raw)
        return html`<h3>What was sent around it</h3>${ladder(raw, finding.frame)}`;
    return html`<p class="quiet">The packets around it are kept for the first ${report.ladders_a_rule} findings
        of a rule, where a connection is known.</p>`;
};

export function openFinding(row) {
    const finding = tables.findings.rows[row];
    const rule = rules.get(finding.rule);
    open(html`${sign(finding.severity)} ${rule.title}`, html`
        <p class="lead">${finding.text}</p>
        ${facts([
            ['By', finding.blames ? `the ${finding.blames}` : null],
            ['Client', finding.client_id],
            ['Topic', finding.topic],
            ['Packet', finding.packet_type && `${finding.packet_type}${finding.direction ? `, ${format.directions[finding.direction]}` : ''}`],
            ['When', `${format.at(finding.time)}, ${format.clock(finding.time)}`],
            ['Frame', finding.file_frame ? `${finding.file_frame} of ${finding.file}` : finding.frame],
            ['TCP stream', finding.tcp_stream],
            ['Field', finding.field],
            ['Statements', finding.statements && `${finding.statements} (MQTT ${finding.version})`],
            ['Rule', html`<code>${finding.rule}</code>`],
        ])}
        <p>${rule.explanation}</p>
        <h3>In Wireshark</h3>${copyable(finding.display_filter)}
        <div class="actions">${connectionButton(finding.connection)}
            ${finding.connection === null ? nothing : timelineButton(tables.connections.where('id', finding.connection)[0], finding.time, finding.time)}</div>
        ${wholeLadder(finding)}`);
}

const shown = (table, row, key) => {
    const column = table.columns.get(key);
    const value = table.get(key, row);
    if (value === null || value === 0 || value === false || value === '')
        return null;
    if (column.kind === 'time')
        return format.at(value);
    if (column.unit === 'us')
        return format.duration(value);
    if (column.unit === 's')
        return value === 4294967295 ? 'never' : `${format.count(value)} s`;
    if (column.unit === 'bytes')
        return format.bytes(value);
    return typeof value === 'number' ? String(value) : value === true ? 'yes' : value;
};

/* All that is not 0, by the first part of the key. */
function allOf(table, row, without) {
    const groups = new Map();
    for (const key of table.keys) {
        const value = without.includes(key) ? null : shown(table, row, key);
        if (value === null)
            continue;
        const dot = key.indexOf('.');
        const group = dot < 0 ? '' : key.slice(0, dot);
        if (!groups.has(group))
            groups.set(group, []);
        const name = (dot < 0 ? key : key.slice(dot + 1)).replace(/_us\b/g, '').replaceAll('.', ', ').replaceAll('_', ' ');
        groups.get(group).push([name, value, table.columns.get(key).help]);
    }
    return [...groups].map(([group, list]) => group === '' ? facts(list) : html`
        <details ?open=${list.length <= 6}><summary>${group.replaceAll('_', ' ')}</summary>${facts(list)}</details>`);
}

const findingsOf = rows => rows.length === 0 ? nothing : html`<h3>${format.plural(rows.length, 'finding')}</h3>
    <ul class="plain">${rows.slice(0, 50).map(row => html`<li><button type="button" class="link" @click=${() => openFinding(row)}>
        ${sign(tables.findings.get('severity', row))} ${format.at(tables.findings.get('time', row))}
        ${rules.get(tables.findings.get('rule', row)).title}</button></li>`)}</ul>
    ${rows.length > 50 ? html`<p class="quiet">and ${format.count(rows.length - 50)} more, in the table of findings</p>` : nothing}`;

const endpoint = (row, side) => {
    const address = row[`${side}.address`];
    return address === null ? null : `${address.includes(':') ? `[${address}]` : address}:${row[`${side}.port`]}`;
};

export function openConnection(row) {
    const table = tables.connections, connection = table.rows[row];
    open(html`Connection ${connection.id} of ${connection.client_id ?? 'a client without a name'}`, html`
        <p class="lead">${endpoint(connection, 'client')} → ${endpoint(connection, 'server')}, MQTT ${connection.version};
            ended: ${format.words(connection.end_cause)}</p>
        ${connection.tcp_stream === null ? nothing : copyable(`tcp.stream == ${connection.tcp_stream}`)}
        <div class="actions">${timelineButton(row, connection.start, connection.end)}</div>
        ${findingsOf(tables.findings.where('connection', connection.id))}
        <h3>All of it</h3>
        ${allOf(table, row, ['id', 'client_id'])}`);
}

export function openSession(row) {
    const table = tables.sessions, session = table.rows[row];
    const connections = tables.connections.where('client_id', session.client_id);
    open(html`Session of ${session.client_id}`, html`
        <p class="lead">At ${endpoint(session, 'server')}: ${format.plural(session.connection_count, 'connection')},
            ${session.state ?? 'in a state that is not known'} when the capture ends</p>
        ${copyable(`mqttscope.client == ${JSON.stringify(session.client_id)}`, 'display filter (needs the plugin)')}
        <h3>Connections</h3>
        <ul class="plain">${connections.slice(0, 50).map(at => html`<li><button type="button" class="link" @click=${() => openConnection(at)}>
            ${format.at(table && tables.connections.get('start', at))}, for ${format.duration(tables.connections.get('end', at) - tables.connections.get('start', at))}:
            ${format.words(tables.connections.get('end_cause', at))}</button></li>`)}</ul>
        ${findingsOf(tables.findings.where('client_id', session.client_id))}
        <h3>All of it</h3>
        ${allOf(table, row, ['client_id'])}`);
}

export function openHandshake(sample) {
    const legs = sample.legs;
    open(`${sample.what}${sample.id ? `, identifier ${sample.id}` : ''}`, html`
        <p class="lead">${sample.client ?? 'a client without a name'}, begun by the ${sample.by_server ? 'server' : 'client'}${
            sample.awaits ? `: ${sample.awaits} never came` : `: took ${format.duration(sample.took)}`}</p>
        <ol class="legs">${legs.map((leg, i) => html`<li><b>${leg[0]}</b> frame ${leg[1]}, ${format.at(leg[2])}
            ${i > 0 ? html`<span class="quiet">after ${format.duration(leg[2] - legs[i - 1][2])}</span>` : nothing}</li>`)}</ol>
        ${sample.wire === null ? nothing : facts([['On the wire', format.duration(sample.wire)]])}
        ${copyable(`frame.number in {${legs.map(leg => leg[1]).join(', ')}}`)}`);
}

export {endpoint, tally};
