// SPDX-License-Identifier: GPL-2.0-or-later
// How busy it was over time (uPlot), and how long things took (drawings that print and scale).

import uPlot from 'uplot';
import {html, nothing, svg} from 'lit/html.js';
import {report, tables} from './data.js';
import {openConnection} from './detail.js';
import * as format from './format.js';

/* ---- Over time ---- */

const {activity} = report;
const seconds = activity.open.map((_, i) => (activity.since + i * activity.length) / 1e6);
const rate = list => list.map(number => number / (activity.length / 1e6));

const plots = [
    {title: 'PUBLISH packets a second', series: [['by clients', rate(activity.published), 'one'], ['by servers', rate(activity.delivered), 'two']]},
    {title: 'QoS 1 and 2 messages in flight, the most at a time', series: [['begun by clients', activity.in_flight_clients, 'one'], ['begun by servers', activity.in_flight_servers, 'two']]},
    {title: 'Connections', series: [['open', activity.open, 'one'], ['CONNECT', activity.connects, 'two']]},
    {title: 'Findings', bars: true, series: [['notes', activity.notes, 'note'], ['warnings', activity.warnings, 'warning'], ['errors', activity.errors, 'error']]},
];

let drawn = [];

/** Draws them into `place`, again if the colours have changed. */
export function overTime(place) {
    drawn.forEach(plot => plot.destroy());
    drawn = [];
    if (seconds.length === 0)
        return;
    const style = getComputedStyle(place);
    const color = name => style.getPropertyValue(`--${name}`).trim();
    const colors = {one: color('accent'), two: color('second'), note: color('note'), warning: color('warning'), error: color('error')};
    for (const {title, series, bars} of plots) {
        if (series.every(([, values]) => values.every(value => value === 0)))
            continue; // an empty plot says nothing
        const width = place.clientWidth;
        const axis = {stroke: color('muted'), grid: {stroke: color('line'), width: 1}, ticks: {stroke: color('line'), width: 1}, font: `11px ${style.fontFamily}`};
        const plot = new uPlot({
            title, width, height: 140,
            cursor: {sync: {key: 'time'}, points: {size: 6}},
            scales: {x: {time: false}, y: {range: (self, low, high) => [0, Math.max(high, 1) * 1.08]}},
            axes: [
                {...axis, values: (self, list) => list.map(value => (value === 0 ? '0' : format.duration(value * 1e6))), space: 90},
                {...axis, size: 66, values: (self, list) => list.map(value => value.toLocaleString('en-US'))},
            ],
            series: [{label: 'at', value: (self, value) => (value === null ? '–' : format.at(value * 1e6))}, ...series.map(([label, , name]) => ({
                label, stroke: colors[name], width: 1.5, points: {show: seconds.length < 3},
                paths: bars ? uPlot.paths.bars({size: [0.8, 20]}) : uPlot.paths.stepped({align: 1}),
                fill: bars ? colors[name] : undefined,
                value: (self, value) => (value === null ? '–' : value.toLocaleString('en-US', {maximumFractionDigits: 1})),
            }))],
        }, [seconds, ...series.map(([, values]) => values)], place);
        plot.root.setAttribute('role', 'img');
        plot.root.setAttribute('aria-label', `${title}: ${series.map(([label, values]) =>
            `${label} at most ${Math.max(...values).toLocaleString('en-US', {maximumFractionDigits: 1})}`).join(', ')}`);
        drawn.push(plot);
    }
}

addEventListener('resize', () => drawn.forEach(plot => plot.setSize({width: plot.root.parentElement.clientWidth, height: 140})));

/* ---- Histograms ---- */

const BAR = 22, GAP = 2, HIGH = 64;

/** Buckets of powers of two, from the first that has samples to the last. */
export function histogram(data, title, note = nothing) {
    if (!data || data.count === 0)
        return nothing;
    const first = data.buckets[0].below_us, last = data.buckets.at(-1).below_us;
    const buckets = [];
    for (let below = first; below <= last; below *= 2)
        buckets.push(data.buckets.find(bucket => bucket.below_us === below) ?? {from_us: below / 2, below_us: below, count: 0});
    const most = Math.max(...buckets.map(bucket => bucket.count));
    const width = Math.max(buckets.length * BAR, 150);
    return html`<figure class="histogram"><figcaption>${title} <small>${format.plural(data.count, 'sample')}</small></figcaption>
        <svg viewBox=${`0 0 ${width} ${HIGH + 18}`} width=${width} height=${HIGH + 18} role="img"
            aria-label=${`${title}: median ${format.duration(data.p50)}, 95th percentile ${format.duration(data.p95)}, at most ${format.duration(data.max)}`}>
            ${buckets.map((bucket, i) => {
                const high = bucket.count === 0 ? 0 : Math.max(bucket.count / most * (HIGH - 4), 2);
                return svg`<g><title>${format.duration(bucket.from_us)} to ${format.duration(bucket.below_us)}: ${format.count(bucket.count)}</title>
                    <rect class="room" x=${i * BAR} y="0" width=${BAR} height=${HIGH}/>
                    <rect class="bar" x=${i * BAR + GAP / 2} y=${HIGH - high} width=${BAR - GAP} height=${high}/></g>`;
            })}
            <line class="floor" x1="0" x2=${width} y1=${HIGH} y2=${HIGH}/>
            <text x="0" y=${HIGH + 13}>${format.duration(buckets[0].from_us)}</text>
            <text x=${width} y=${HIGH + 13} text-anchor="end">${format.duration(buckets.at(-1).below_us)}</text>
        </svg>
        <p><span>p50 ${format.duration(data.p50)}</span> <span>p95 ${format.duration(data.p95)}</span> <span>p99 ${format.duration(data.p99)}</span> <span>max ${format.duration(data.max)}</span></p>
        ${note}</figure>`;
}

/* Where the time goes, as a bar of two parts. */
function split(parts) {
    if (!parts || parts.split === 0)
        return parts && parts.unsplit > 0 ? html`<p class="quiet">The answers were the first to acknowledge: wire and receiver can't be told apart.</p>` : nothing;
    const wire = parts.wire_mean_us, receiver = parts.receiver_mean_us;
    const share = wire + receiver > 0 ? wire / (wire + receiver) * 100 : 0;
    return html`<svg class="split" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label="wire ${Math.round(share)} percent, receiver ${100 - Math.round(share)} percent">
        <rect class="wire" x="0" y="0" width=${share} height="6"/><rect class="receiver" x=${share} y="0" width=${100 - share} height="6"/></svg>
        <p class="parts"><span><i class="wire"></i>wire ${format.duration(wire)} (p95 ${format.duration(parts.wire_us?.p95)})</span>
        <span><i class="receiver"></i>receiver ${format.duration(receiver)} (p95 ${format.duration(parts.receiver_us?.p95)})</span></p>`;
}

const what = {delivery: 'Delivery'};

export const latencies = () => report.times.length === 0 ? html`<p class="quiet">No handshake was finished.</p>`
    : html`<div class="figures">${report.times.map(row => histogram(row.histogram,
        html`${what[row.what] ?? row.what} <small>${format.directions[row.direction]}</small>`, split(row.parts)))}</div>`;

export function rhythms() {
    const {histograms} = report.totals;
    const idle = Object.entries(histograms.idle_at_end_us);
    return html`<div class="figures">
        ${histogram(histograms.reconnect_intervals_us, 'From a CONNECT to the next one')}
        ${histogram(histograms.silences_us, 'Longest silence of each client')}
        ${histogram(histograms.lifetimes_us, 'How long connections last')}
        ${idle.map(([cause, data]) => histogram(data, html`Silence before the end <small>${format.words(cause)}</small>`))}</div>`;
}

/* ---- Keep alive ---- */

const KEPT = 20;

/** The longest silence of each client against its keep alive, those nearest to the limit first. */
export function keepAlive() {
    const {connections} = tables;
    const rows = [];
    for (let row = 0; row < connections.count; row++) {
        const limit = connections.get('keep_alive.effective', row);
        if (limit > 0)
            rows.push({row, limit, silence: connections.get('keep_alive.max_idle_us', row), ratio: connections.get('keep_alive.max_idle_us', row) / limit / 1e6});
    }
    if (rows.length === 0)
        return html`<p class="quiet">No client has a keep alive that is known.</p>`;
    rows.sort((a, b) => b.ratio - a.ratio);
    const most = Math.max(rows[0].ratio, 1.6);
    const x = ratio => Math.min(ratio / most, 1) * 100;
    return html`<ol class="keep-alive">${rows.slice(0, KEPT).map(({row, limit, silence, ratio}) => html`<li>
        <button type="button" class="link" @click=${() => openConnection(row)}>${connections.get('client_id', row) ?? `stream ${connections.get('tcp_stream', row)}`}</button>
        <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="room" x="0" y="0" width="100" height="8"/>
            <rect class=${ratio > 1.5 ? 'error' : ratio > 1 ? 'warning' : 'bar'} x="0" y="1" width=${x(ratio)} height="6"/>
            <line x1=${x(1)} x2=${x(1)} y1="0" y2="8"/><line class="end" x1=${x(1.5)} x2=${x(1.5)} y1="0" y2="8"/></svg>
        <span>${format.duration(silence)} of ${limit} s</span></li>`)}</ol>
        <p class="quiet">Lines: the keep alive, and one and a half of it, when a server has to close.
            ${rows.length > KEPT ? html`The ${KEPT} of ${format.count(rows.length)} connections that came nearest.` : nothing}</p>`;
}
