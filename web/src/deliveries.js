// SPDX-License-Identifier: GPL-2.0-or-later
// Who published what for whom, and what became of it: as a matrix, and topics as a tree.

import {html, nothing, render} from 'lit/html.js';
import {report, tables, word} from './data.js';
import * as format from './format.js';

const publishers = new Map();
for (const {client, topic, count} of report.publishers) {
    const name = word(topic);
    if (!publishers.has(name))
        publishers.set(name, []);
    publishers.get(name).push([word(client) ?? 'without a name', count]);
}
for (const list of publishers.values())
    list.sort((a, b) => b[1] - a[1]);

/** "sensor-1", "sensor-1 and 3 more", or "–". */
export function publishersOf(topic) {
    const list = publishers.get(topic) ?? [];
    if (list.length === 0)
        return '–';
    return list.length <= 2 ? list.map(([name]) => name).join(', ') : `${list[0][0]} and ${format.count(list.length - 1)} more`;
}

const TOPICS = 30, SUBSCRIBERS = 10;

const sum = (rows, key) => rows.reduce((total, row) => total + (row[key] ?? 0), 0);

function cellOf(rows) {
    if (rows === undefined)
        return html`<td class="none"><span class="visually-hidden">not subscribed</span></td>`;
    const due = sum(rows, 'expected'), came = sum(rows, 'delivered'), lost = sum(rows, 'lost');
    const twice = sum(rows, 'twice'), late = sum(rows, 'late'), dropped = sum(rows, 'dropped_qos_0');
    const kind = lost > 0 ? 'error' : twice > 0 || dropped > 0 ? 'warning' : late > 0 ? 'note' : 'good';
    const remarks = [lost && `${format.count(lost)} lost`, twice && `${format.count(twice)} twice`,
        dropped && `${format.count(dropped)} dropped`, late && `${format.count(late)} late`].filter(Boolean);
    return html`<td class=${kind}>${format.count(came)}/${format.count(due)}${remarks.map(remark => html`<small>${remark}</small>`)}</td>`;
}

/** The worst topics and the subscribers that they are for. */
export function matrix() {
    const byTopic = new Map();
    const subscribers = [];
    for (const row of tables.deliveries.rows) { // the worst first
        if (!byTopic.has(row.topic)) {
            if (byTopic.size >= TOPICS)
                continue;
            byTopic.set(row.topic, new Map());
        }
        const name = row.client_id ?? 'without a name';
        if (!subscribers.includes(name)) {
            if (subscribers.length >= SUBSCRIBERS)
                continue;
            subscribers.push(name);
        }
        const cells = byTopic.get(row.topic);
        cells.set(name, [...(cells.get(name) ?? []), row]);
    }
    if (byTopic.size === 0)
        return html`<p class="quiet">No delivery could be matched with a publication.</p>`;
    const all = new Set(tables.deliveries.rows.map(row => row.topic)).size;
    return html`
        <div class="scroll" tabindex="0" role="region" aria-label="Deliveries by topic and subscriber"><table class="matrix">
            <thead><tr><th scope="col">Publisher</th><th scope="col">Topic</th>${subscribers.map(name => html`<th scope="col">${name}</th>`)}</tr></thead>
            <tbody>${[...byTopic].map(([topic, cells]) => html`<tr><td>${publishersOf(topic)}</td><th scope="row">${topic}</th>
                ${subscribers.map(name => cellOf(cells.get(name)))}</tr>`)}</tbody></table></div>
        <p class="quiet">came/due.${all > byTopic.size ? html` The worst ${byTopic.size} of ${format.count(all)} topics; the table below has all.` : nothing}</p>`;
}

/* ---- Topics ---- */

function grow(rows) {
    const root = {children: new Map(), published: 0, delivered: 0, bytes: 0, topics: 0};
    for (const row of rows) {
        if (row.topic === null)
            continue;
        let node = root;
        for (const level of ['', ...row.topic.split('/')].slice(1)) {
            if (!node.children.has(level))
                node.children.set(level, {children: new Map(), published: 0, delivered: 0, bytes: 0, topics: 0});
            node = node.children.get(level);
            node.published += row.published;
            node.delivered += row.delivered;
            node.bytes += row.bytes;
            node.topics++;
        }
        node.row = row;
    }
    return root;
}

const MOST = 200;

const counts = node => html`<span class="counts"><span>${format.count(node.published)} published</span>
    <span>${format.count(node.delivered)} delivered</span><span>${format.bytes(node.bytes)}</span></span>`;

function branches(node, path, open) {
    const list = [...node.children].sort((a, b) => b[1].published + b[1].delivered - a[1].published - a[1].delivered);
    return html`<ul>${list.slice(0, MOST).map(([level, child]) => branch(level, child, path === null ? level : `${path}/${level}`, open))}
        ${list.length > MOST ? html`<li class="quiet">and ${format.count(list.length - MOST)} more</li>` : nothing}</ul>`;
}

function branch(level, node, path, open) {
    const name = html`<span class="level">${level === '' ? '(empty level)' : level}</span>`;
    if (node.children.size === 0)
        return html`<li><div class="leaf">${name}${counts(node)}</div></li>`;
    // What is closed is not made: there may be ten thousand topics.
    const grown = event => {
        const place = event.currentTarget.querySelector('.branches');
        if (event.currentTarget.open && !place.firstChild)
            render(branches(node, path, 0), place);
    };
    return html`<li><details ?open=${open > 0} @toggle=${open > 0 ? null : grown}><summary>${name}${counts(node)}</summary>
        ${open > 0 ? branches(node, path, open - 1) : html`<div class="branches"></div>`}</details></li>`;
}

/** Topic names, level by level. */
export function topicTree() {
    const {topics} = tables;
    if (topics.count === 0)
        return html`<p class="quiet">No PUBLISH with a topic that is known.</p>`;
    return html`<div class="tree">${branches(grow(topics.rows), null, topics.count <= 40 ? 4 : 1)}</div>`;
}
