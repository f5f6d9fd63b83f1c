// SPDX-License-Identifier: GPL-2.0-or-later
// The tables: virtual rows, sorted and filtered, opened with a click or with Enter.

import {FilterModule, FormatModule, InteractionModule, ResizeColumnsModule, ResizeTableModule, SortModule, Tabulator}
    from 'tabulator-tables';
import {html, nothing, render} from 'lit/html.js';
import {report, rules, tables, word} from './data.js';
import {endpoint, openConnection, openFinding, openHandshake, openSession} from './detail.js';
import * as format from './format.js';
import {severities, sign} from './parts.js';

Tabulator.registerModule([FilterModule, FormatModule, InteractionModule, ResizeColumnsModule, ResizeTableModule, SortModule]);

const rank = {error: 3, warning: 2, note: 1};
const text = cell => document.createTextNode(cell.getValue() ?? '–');
const of = show => cell => document.createTextNode(show(cell.getValue(), cell.getData()));

/** Columns of a table by their kind. */
const column = {
    text: (title, field, width, more) => ({title, field, minWidth: width, widthGrow: width / 50, formatter: text, sorter: byText, ...more}),
    number: (title, field, show = format.count, more) => ({
        title, field, hozAlign: 'right', headerHozAlign: 'right', minWidth: 84, sorter: byNumber,
        formatter: of(value => (value === null || value === undefined ? '–' : show(value))), headerSortStartingDir: 'desc', ...more}),
    time: (title, field) => column.number(title, field, format.at, {headerSortStartingDir: 'asc', minWidth: 104}),
    duration: (title, field) => column.number(title, field, format.duration, {minWidth: 92}),
    severity: field => ({title: 'Severity', field, width: 112, resizable: false,
        formatter: cell => { const span = document.createElement('span'); span.append(sign(cell.getValue(), false), ` ${cell.getValue()}`); return span; },
        sorter: (a, b) => rank[a] - rank[b], headerSortStartingDir: 'desc'}),
};

function byNumber(a, b) {
    return (a ?? -Infinity) - (b ?? -Infinity) || 0;
}

function byText(a, b) {
    return a === b ? 0 : (a ?? '') < (b ?? '') ? -1 : 1;
}

// Words of rows, in lower case, to search in: made once, at the first search.
const haystacks = new WeakMap();

function haystack(row, fields) {
    let made = haystacks.get(row);
    if (made === undefined) {
        made = fields.map(field => (typeof field === 'function' ? field(row) : row[field]) ?? '').join('\n').toLowerCase();
        haystacks.set(row, made);
    }
    return made;
}

/** All words have to be there. */
function matches(row, fields, wanted) {
    const hay = haystack(row, fields);
    return wanted.every(word => hay.includes(word));
}

/**
 * A table with a search field above it: `columns`, `rows`, `fields` to search in, `open` what a row
 * opens, `filters` further ones (`{label, test(row, value), options}`), `sort` the order at first.
 */
class View {
    constructor(place, {name, rows, columns, fields, open, filters = [], sort = [], note = nothing, height = 440}) {
        Object.assign(this, {place, name, rows, columns, fields, open, filters, sort, note, height});
        this.wanted = [];
        this.chosen = filters.map(() => '');
        this.frame();
    }

    frame() {
        render(html`
            <div class="tools">
                <input type="search" placeholder="Search ${this.name}" aria-label="Search ${this.name}" @input=${event => this.search(event.target.value)}>
                ${this.filters.map((filter, i) => html`<select aria-label=${filter.label} @change=${event => this.choose(i, event.target.value)}>
                    <option value="">${filter.label}</option>
                    ${filter.options.map(([value, shown]) => html`<option value=${value}>${shown}</option>`)}</select>`)}
                <output aria-live="polite"></output>
            </div>
            <p class="quiet">${this.note}</p>
            <div class="table"></div>`, this.place);
        this.say();
    }

    /** Makes the table: not before somebody can see it. */
    make() {
        if (this.table)
            return;
        const few = this.rows.length * 32 + 44 < this.height;
        this.table = new Tabulator(this.place.querySelector('.table'), {
            data: this.rows,
            columns: this.columns,
            index: 'index',
            layout: 'fitColumns',
            height: few ? false : this.height,
            renderVertical: few ? 'basic' : 'virtual',
            nestedFieldSeparator: false,
            initialSort: this.sort,
            placeholder: 'Nothing matches.',
            rowFormatter: row => { row.getElement().tabIndex = 0; },
        });
        this.table.on('rowClick', (event, row) => this.open(row.getData()));
        this.table.on('dataFiltered', (filters, rows) => this.say(rows.length));
        this.table.element.addEventListener('keydown', event => this.key(event));
        this.table.on('tableBuilt', () => {
            this.built = true;
            this.helpReaders();
            this.filter();
        });
    }

    /** What Tabulator leaves out: a name, headers that the keyboard reaches, no place between grid and rows that takes the focus. */
    helpReaders() {
        const {element} = this.table;
        element.setAttribute('aria-label', this.name);
        element.removeAttribute('aria-owns');
        element.querySelector('.tabulator-tableholder').removeAttribute('tabindex');
        for (const head of element.querySelectorAll('.tabulator-col[aria-sort]'))
            head.tabIndex = 0;
    }

    /** Enter opens a row, the arrows go up and down. */
    key(event) {
        const head = event.target.closest?.('.tabulator-col');
        if (head && event.key === 'Enter')
            head.click();
        const element = event.target.closest?.('.tabulator-row');
        if (element === null || element === undefined)
            return;
        const step = {ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling'}[event.key];
        if (step) {
            event.preventDefault();
            const next = element[step];
            next?.focus();
            next?.scrollIntoView({block: 'nearest'});
        } else if (event.key === 'Enter' || event.key === ' ') {
            event.preventDefault();
            this.open(this.table.getRow(element).getData());
        }
    }

    search(value) {
        this.wanted = value.toLowerCase().split(/\s+/).filter(Boolean);
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.filter(), this.rows.length > 5000 ? 150 : 0);
    }

    choose(i, value) {
        this.chosen[i] = value;
        this.filter();
    }

    /** Sets filters and search from outside. */
    show(search, chosen = this.filters.map(() => '')) {
        this.make();
        this.place.querySelector('input').value = search;
        this.place.querySelectorAll('select').forEach((select, i) => { select.value = chosen[i]; });
        this.chosen = chosen;
        this.search(search);
        this.place.closest('section').scrollIntoView();
    }

    filter() {
        if (!this.built)
            return;
        const active = this.filters.map((filter, i) => [filter.test, this.chosen[i]]).filter(([, value]) => value !== '');
        if (this.wanted.length === 0 && active.length === 0)
            this.table.clearFilter();
        else
            this.table.setFilter(row => active.every(([test, value]) => test(row, value)) &&
                (this.wanted.length === 0 || matches(row, this.fields, this.wanted)));
    }

    say(shown = this.rows.length) {
        const all = this.rows.length;
        this.place.querySelector('output').textContent = shown === all ? format.count(all) : `${format.count(shown)} of ${format.count(all)}`;
    }
}

const capped = (table, name) => table.count < table.of
    ? `The first ${format.count(table.count)} of ${format.count(table.of)} ${name}; --json and --sqlite have all.` : nothing;

const ruleTitle = row => rules.get(row.rule).title;

export function findings(place) {
    const table = tables.findings;
    return new View(place, {
        name: 'findings',
        rows: severities.flatMap(severity => table.where('severity', severity)).map(row => table.rows[row]), // the worst first
        note: capped({count: table.count, of: severities.reduce((sum, severity) => sum + report.totals.findings[severity], 0)}, 'findings'),
        fields: ['rule', ruleTitle, 'text', 'client_id', 'topic', 'statements', 'packet_type',
            row => `frame ${row.frame}`, row => `stream ${row.tcp_stream}`],
        open: row => openFinding(row.index),
        filters: [
            {label: 'Any severity', test: (row, value) => row.severity === value, options: severities.map(name => [name, name])},
            {label: 'Any rule', test: (row, value) => row.rule === value,
                options: report.rules.map(rule => [rule.rule, `${rule.rule} (${format.count(rule.count)})`])},
            {label: 'By anybody', test: (row, value) => (row.blames ?? 'nobody') === value,
                options: [['client', 'by clients'], ['server', 'by servers'], ['nobody', 'by nobody']]},
        ],
        columns: [
            column.severity('severity'),
            column.time('When', 'time'),
            column.number('Frame', 'frame', String, {headerSortStartingDir: 'asc', minWidth: 92}),
            column.text('Client', 'client_id', 110),
            column.text('What', 'rule', 230, {formatter: cell => document.createTextNode(ruleTitle(cell.getData())),
                sorter: (a, b) => byText(rules.get(a).title, rules.get(b).title)}),
            column.text('Here', 'text', 230),
            column.text('By', 'blames', 64, {widthGrow: 0}),
        ],
    });
}

const worst = row => (row['findings.error'] ?? 0) * 1e6 + (row['findings.warning'] ?? 0) * 1e3 + (row['findings.note'] ?? 0);
const findingCounts = row => severities.map(severity => row[`findings.${severity}`] > 0 && format.plural(row[`findings.${severity}`], severity)).filter(Boolean).join(', ');

export function connections(place) {
    const table = tables.connections;
    for (const row of table.rows) {
        row.lasted = row.end - row.start;
        row.worst = worst(row);
    }
    const causes = Object.entries(report.totals.end_causes);
    return new View(place, {
        name: 'connections',
        rows: table.rows,
        note: capped({count: table.count, of: report.totals.connections}, 'connections'),
        fields: ['client_id', 'end_cause', row => endpoint(row, 'client'), row => endpoint(row, 'server'), row => `stream ${row.tcp_stream}`],
        open: row => openConnection(row.index),
        filters: [{label: 'Any end', test: (row, value) => row.end_cause === value,
            options: causes.map(([cause, number]) => [cause, `${format.words(cause)} (${format.count(number)})`])}],
        columns: [
            column.number('Stream', 'tcp_stream', String, {headerSortStartingDir: 'asc'}),
            column.text('Client', 'client_id', 130),
            column.text('From', 'client.address', 110),
            column.text('MQTT', 'version', 58, {widthGrow: 0}),
            column.time('Began', 'start'),
            column.duration('Lasted', 'lasted'),
            column.number('Keep alive', 'keep_alive.effective', value => (value === 0 ? 'off' : `${value} s`)),
            column.duration('Longest silence', 'keep_alive.max_idle_us'),
            column.text('End', 'end_cause', 110, {formatter: of(format.words)}),
            column.number('Findings', 'worst', null, {formatter: of((value, row) => findingCounts(row) || '–'), minWidth: 120, hozAlign: 'left', headerHozAlign: 'left'}),
        ],
    });
}

export function sessions(place) {
    const table = tables.sessions;
    return new View(place, {
        name: 'sessions',
        rows: table.rows,
        note: capped(table, 'sessions'),
        fields: ['client_id', 'state', 'address', 'version'],
        open: row => openSession(row.index),
        filters: [{label: 'Any state', test: (row, value) => row.state === value,
            options: [...new Set(table.rows.map(row => row.state))].filter(Boolean).map(state => [state, state])}],
        columns: [
            column.text('Client', 'client_id', 150),
            column.text('MQTT', 'version', 58, {widthGrow: 0}),
            column.text('State', 'state', 80),
            column.number('Connections', 'connection_count'),
            column.number('Resumed', 'resumed'),
            column.number('Taken over', 'taken_over'),
            column.number('Lost', 'lost'),
            column.duration('Online', 'online_us'),
            column.duration('Offline, longest', 'longest_offline_us'),
            column.duration('Reconnects every', 'mean_interval_us'),
        ],
    });
}

export function handshakes(place) {
    const rows = report.handshakes.map((sample, index) => ({
        ...sample,
        index,
        client: word(sample.client),
        legs: sample.legs.map(([type, frame, time]) => [word(type), frame, time]),
        began: sample.legs[0]?.[2] ?? null,
        frame: sample.legs[0]?.[1] ?? null,
        wire: sample.wire ?? null,
        receiver: sample.wire !== undefined && sample.legs.length > 1 ? sample.legs[1][2] - sample.legs[0][2] - sample.wire : null,
        took: sample.took ?? null,
        state: sample.awaits ? `awaits ${sample.awaits}` : sample.failed ? `refused, 0x${sample.reason.toString(16).padStart(2, '0')}` : 'done',
        by: sample.by_server ? 'server' : 'client',
    }));
    return new View(place, {
        name: 'handshakes',
        rows,
        note: `Of ${format.count(report.handshakes_seen)}: the ${report.handshakes_a_kind} slowest of each kind, and the first of the ${
            format.count(report.handshakes_unfinished)} that were not finished.`,
        fields: ['what', 'client', 'state', row => `frame ${row.frame}`, row => `id ${row.id}`],
        open: row => openHandshake(row),
        sort: [{column: 'took', dir: 'desc'}],
        filters: [
            {label: 'Any kind', test: (row, value) => row.what === value, options: [...new Set(rows.map(row => row.what))].map(kind => [kind, kind])},
            {label: 'In any state', test: (row, value) => (value === 'done' ? row.state === 'done' : row.state !== 'done'),
                options: [['done', 'done'], ['not', 'refused or not finished']]},
        ],
        columns: [
            column.text('Kind', 'what', 96, {widthGrow: 1}),
            column.text('Begun by', 'by', 84, {widthGrow: 0}),
            column.text('Client', 'client', 130),
            column.time('Began', 'began'),
            column.number('Frame', 'frame', String, {headerSortStartingDir: 'asc', minWidth: 92}),
            column.number('Identifier', 'id', value => (value ? String(value) : '–'), {headerSortStartingDir: 'asc'}),
            column.duration('Took', 'took'),
            column.duration('Wire', 'wire'),
            column.duration('Receiver', 'receiver'),
            column.text('State', 'state', 130),
        ],
    });
}

export function deliveries(place, publishersOf) {
    const rows = tables.deliveries.rows;
    for (const row of rows) {
        row.publishedBy = publishersOf(row.topic);
        row.missing = row.lost + row.dropped_qos_0;
    }
    return new View(place, {
        name: 'deliveries',
        rows,
        note: capped(tables.deliveries, 'pairs of a topic and a subscriber'),
        fields: ['topic', 'client_id', 'publishedBy'],
        open: row => openDelivery(row),
        filters: [{label: 'All', test: (row, value) => row[value] > 0,
            options: [['lost', 'with lost ones'], ['twice', 'with doubled ones'], ['late', 'with late ones'], ['dropped_qos_0', 'dropped at QoS 0']]}],
        columns: [
            column.text('Publisher', 'publishedBy', 120),
            column.text('Topic', 'topic', 170),
            column.text('Subscriber', 'client_id', 130),
            column.number('Due', 'expected'),
            column.number('Came', 'delivered'),
            column.number('Lost', 'lost'),
            column.number('Twice', 'twice'),
            column.number('Late', 'late'),
            column.duration('p50', 'latency_us.p50'),
            column.duration('p95', 'latency_us.p95'),
            column.duration('Longest', 'latency_us.max'),
        ],
    });
}

function openDelivery(row) {
    const session = tables.sessions.where('client_id', row.client_id)[0];
    if (session !== undefined)
        openSession(session);
}
