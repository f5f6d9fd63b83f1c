// SPDX-License-Identifier: GPL-2.0-or-later
// The timeline: a lane a client, drawn on a canvas so that ten thousand are no trouble.

import {html, nothing, render} from 'lit/html.js';
import {length, rules, tables} from './data.js';
import {openConnection, openFinding} from './detail.js';
import * as format from './format.js';

const LANE = 24, AXIS = 22, BAR = 10;
const abnormal = new Set(['keep-alive', 'taken-over', 'protocol-error', 'client-closed', 'server-closed', 'client-reset', 'server-reset', 'timed-out', 'refused', 'server-disconnect']);
const weight = {error: 10000, warning: 100, note: 1};

/* Lanes: a client's connections in their order, and its findings. */
function makeLanes() {
    const lanes = new Map();
    const laneOf = row => {
        const connection = tables.connections.rows[row];
        const name = connection.client_id;
        const key = name === null ? `#${row}` : `${name}\n${connection['server.address']}`;
        if (!lanes.has(key))
            lanes.set(key, {name: name ?? `stream ${connection.tcp_stream}`, spans: [], marks: [], weight: 0, first: connection.start});
        return lanes.get(key);
    };
    const {connections, findings} = tables;
    for (let row = 0; row < connections.count; row++) {
        const get = key => connections.get(key, row);
        const limit = get('keep_alive.effective') * 1.5e6;
        const silence = get('keep_alive.max_idle_us') ?? 0;
        laneOf(row).spans.push({
            row, from: get('start'), to: get('end'), cause: get('end_cause'),
            // A silence that broke the keep alive at the end of the connection.
            silent: get('end_cause') === 'keep-alive' || (limit > 0 && silence > limit) ? Math.min(silence, get('end') - get('start')) : 0,
            late: (get('keep_alive.late') ?? 0) > 0,
            kept: get('clean_start') === false,
        });
    }
    const byId = new Map(Array.from({length: connections.count}, (_, row) => [connections.get('id', row), row]));
    for (let row = 0; row < findings.count; row++) {
        const connection = byId.get(findings.get('connection', row));
        if (connection === undefined)
            continue;
        const lane = laneOf(connection), severity = findings.get('severity', row);
        lane.marks.push({row, at: findings.get('time', row), severity});
        lane.weight += weight[severity];
    }
    for (const lane of lanes.values()) {
        lane.spans.sort((a, b) => a.from - b.from);
        lane.marks.sort((a, b) => a.at - b.at);
    }
    return [...lanes.values()];
}

export class Timeline {
    constructor(place) {
        this.place = place;
        this.all = makeLanes();
        this.expired = new Set(tables.sessions.rows.filter(row => row.state === 'expired').map(row => row.client_id));
        this.from = 0;
        this.to = length;
        this.top = 0;
        this.order = 'trouble';
        this.wanted = '';
        this.frame();
        this.arrange();
        new ResizeObserver(() => this.draw()).observe(this.canvas);
        this.listen();
    }

    frame() {
        const zoom = factor => () => this.zoom(factor, 0.5);
        render(html`
            <div class="tools">
                <input type="search" placeholder="Search clients" aria-label="Search clients in the timeline" @input=${event => {
                    this.wanted = event.target.value.toLowerCase();
                    this.arrange();
                }}>
                <select aria-label="Order of clients" @change=${event => { this.order = event.target.value; this.arrange(); }}>
                    <option value="trouble">Most trouble first</option><option value="time">In the order of the capture</option><option value="name">By name</option></select>
                <span class="buttons"><button type="button" aria-label="Zoom in" @click=${zoom(0.5)}>+</button><button
                    type="button" aria-label="Zoom out" @click=${zoom(2)}>−</button><button type="button" @click=${() => this.reset()}>All</button></span>
                <output aria-live="polite"></output>
            </div>
            <div class="lanes"><canvas tabindex="0" role="img" aria-label="Timeline of clients: arrows move, plus and minus zoom, 0 shows all. The tables of connections and findings say the same in words."></canvas>
                <div class="tip" hidden></div></div>
            <ul class="legend" aria-hidden="true">
                <li><i class="connected"></i>connected</li><li><i class="silent"></i>silent for too long</li><li><i class="late"></i>late at times</li>
                <li><i class="offline"></i>offline, session kept</li><li><i class="reconnecting"></i>away, no session</li><li><i class="expired"></i>session expired</li>
                <li><i class="end"></i>taken over, refused, reset, or gone without DISCONNECT</li></ul>
            <p class="quiet">Drag to pan, Ctrl and wheel or pinch to zoom, wheel for more clients. A click opens a connection or a finding.</p>`, this.place);
        this.canvas = this.place.querySelector('canvas');
        this.tip = this.place.querySelector('.tip');
        const height = Math.min(Math.max(this.all.length, 2) * LANE, 18 * LANE) + AXIS;
        this.canvas.setAttribute('height', height);
        this.height = height;
        this.canvas.style.height = `${height}px`;
    }

    arrange() {
        const by = {
            trouble: (a, b) => b.weight - a.weight || a.first - b.first,
            time: (a, b) => a.first - b.first,
            name: (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
        }[this.order];
        this.lanes = this.all.filter(lane => lane.name.toLowerCase().includes(this.wanted)).sort(by);
        this.top = 0;
        this.say();
        this.draw();
    }

    say() {
        this.place.querySelector('output').textContent =
            `${format.plural(this.lanes.length, 'client')}, ${format.at(this.from)} to ${format.at(this.to)}`;
    }

    reset() {
        this.from = 0;
        this.to = length;
        this.changed();
    }

    /** Shows a connection, and a time of it if `from` is `to`. */
    show(row, from, to) {
        const lane = this.all.find(lane => lane.spans.some(span => span.row === row));
        if (!lane)
            return;
        this.wanted = '';
        this.place.querySelector('input').value = '';
        this.arrange();
        this.top = this.clampTop(this.lanes.indexOf(lane) * LANE - this.height / 3);
        this.chosen = lane;
        const around = from === to ? Math.min(length, 1e7) : to - from;
        this.from = Math.max(from - around * 0.25, 0);
        this.to = Math.min(to + around * 0.25, length);
        if (this.to - this.from < 100)
            this.to = this.from + 100;
        this.changed();
        this.place.closest('section').scrollIntoView();
        this.canvas.focus({preventScroll: true});
    }

    changed() {
        this.say();
        this.draw();
    }

    zoom(factor, where) {
        const center = this.from + (this.to - this.from) * where;
        const span = Math.min(Math.max((this.to - this.from) * factor, 100), length);
        this.from = Math.min(Math.max(center - span * where, 0), length - span);
        this.to = this.from + span;
        this.changed();
    }

    pan(by) {
        const span = this.to - this.from;
        this.from = Math.min(Math.max(this.from + by * span, 0), length - span);
        this.to = this.from + span;
        this.changed();
    }

    clampTop(top) {
        return Math.min(Math.max(top, 0), Math.max(this.lanes.length * LANE - (this.height - AXIS), 0));
    }

    get labels() {
        return Math.min(150, this.canvas.clientWidth * 0.3);
    }

    x(time) {
        return this.labels + (time - this.from) / (this.to - this.from) * (this.canvas.clientWidth - this.labels - 8);
    }

    timeAt(x) {
        return this.from + (x - this.labels) / (this.canvas.clientWidth - this.labels - 8) * (this.to - this.from);
    }

    listen() {
        const {canvas} = this;
        let drag = null;
        const fingers = new Map();
        canvas.addEventListener('wheel', event => {
            const where = (event.offsetX - this.labels) / (canvas.clientWidth - this.labels);
            if (event.ctrlKey) {
                event.preventDefault();
                this.zoom(event.deltaY > 0 ? 1.25 : 0.8, Math.min(Math.max(where, 0), 1));
                return;
            }
            const top = this.clampTop(this.top + event.deltaY);
            if (event.shiftKey || event.deltaX !== 0)
                this.pan((event.deltaX || event.deltaY) / 800);
            else if (top === this.top)
                return; // the page scrolls on
            else
                this.top = top;
            event.preventDefault();
            this.draw();
        }, {passive: false});
        canvas.addEventListener('pointerdown', event => {
            fingers.set(event.pointerId, event);
            drag = {x: event.offsetX, y: event.offsetY, from: this.from, to: this.to, top: this.top, moved: false};
            canvas.setPointerCapture(event.pointerId);
        });
        canvas.addEventListener('pointermove', event => {
            if (fingers.size === 2 && fingers.has(event.pointerId)) {
                const apart = () => Math.abs([...fingers.values()].reduce((a, b) => a.offsetX - (b.offsetX ?? b)));
                const before = apart();
                fingers.set(event.pointerId, event);
                this.zoom(Math.min(Math.max(before / Math.max(apart(), 1), 0.5), 2), 0.5);
                return;
            }
            if (drag && fingers.size === 1) {
                const span = drag.to - drag.from;
                const by = (drag.x - event.offsetX) / (canvas.clientWidth - this.labels) * span;
                drag.moved ||= Math.hypot(drag.x - event.offsetX, drag.y - event.offsetY) > 4;
                if (!drag.moved)
                    return;
                this.from = Math.min(Math.max(drag.from + by, 0), length - span);
                this.to = this.from + span;
                this.top = this.clampTop(drag.top + drag.y - event.offsetY);
                this.changed();
                return;
            }
            this.hover(event);
        });
        const up = event => {
            fingers.delete(event.pointerId);
            if (event.type === 'pointerup' && drag && !drag.moved)
                this.click(event);
            drag = null;
        };
        canvas.addEventListener('pointerup', up);
        canvas.addEventListener('pointercancel', up);
        canvas.addEventListener('pointerleave', () => { this.tip.hidden = true; });
        canvas.addEventListener('keydown', event => {
            const action = {
                ArrowLeft: () => this.pan(-0.2), ArrowRight: () => this.pan(0.2), '+': () => this.zoom(0.5, 0.5), '=': () => this.zoom(0.5, 0.5),
                '-': () => this.zoom(2, 0.5), 0: () => this.reset(),
                ArrowDown: () => { this.top = this.clampTop(this.top + LANE); this.draw(); },
                ArrowUp: () => { this.top = this.clampTop(this.top - LANE); this.draw(); },
            }[event.key];
            if (action && !event.ctrlKey && !event.metaKey) {
                event.preventDefault();
                action();
            }
        });
    }

    /** What is at a point: {lane, mark, span}. */
    hit(event) {
        const lane = this.lanes[Math.floor((event.offsetY - AXIS + this.top) / LANE)];
        if (!lane || event.offsetY < AXIS)
            return {};
        const time = this.timeAt(event.offsetX);
        const reach = (this.to - this.from) / this.canvas.clientWidth * 7;
        let mark = null;
        for (const each of lane.marks)
            if (Math.abs(each.at - time) <= reach && (!mark || weight[each.severity] > weight[mark.severity]))
                mark = each;
        const span = lane.spans.find(each => each.from - reach <= time && time <= each.to + reach);
        return {lane, mark, span};
    }

    click(event) {
        const {mark, span} = this.hit(event);
        if (mark)
            openFinding(mark.row);
        else if (span)
            openConnection(span.row);
    }

    hover(event) {
        const {lane, mark, span} = this.hit(event);
        this.canvas.classList.toggle('over', Boolean(mark || span));
        this.tip.hidden = !lane;
        if (!lane)
            return;
        const {findings} = tables;
        render(html`<b>${lane.name}</b> ${format.at(this.timeAt(event.offsetX))}
            ${mark ? html`<br>${mark.severity}: ${rules.get(findings.get('rule', mark.row)).title}<br>${findings.get('text', mark.row)}` : nothing}
            ${!mark && span ? html`<br>connected for ${format.duration(span.to - span.from)}; end: ${format.words(span.cause)}` : nothing}
            ${!mark && !span ? html`<br>not connected` : nothing}`, this.tip);
        const left = Math.min(event.offsetX + 14, this.canvas.clientWidth - this.tip.offsetWidth - 4);
        this.tip.style.left = `${Math.max(left, 0)}px`;
        this.tip.style.top = `${event.offsetY + 18}px`;
    }

    draw() {
        if (!this.pending)
            this.pending = requestAnimationFrame(() => { this.pending = 0; this.paint(); });
    }

    paint() {
        const {canvas} = this;
        const width = canvas.clientWidth, ratio = window.devicePixelRatio || 1;
        if (width === 0)
            return;
        if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(this.height * ratio)) {
            canvas.width = Math.round(width * ratio);
            canvas.height = Math.round(this.height * ratio);
        }
        const pen = canvas.getContext('2d');
        const style = getComputedStyle(canvas);
        const color = Object.fromEntries(['text', 'muted', 'line', 'lane', 'silent', 'late', 'error', 'warning', 'note', 'accent', 'stripe'].map(
            name => [name, style.getPropertyValue(`--${name}`).trim()]));
        pen.setTransform(ratio, 0, 0, ratio, 0, 0);
        pen.clearRect(0, 0, width, this.height);
        pen.font = `12px ${style.fontFamily}`;
        pen.textBaseline = 'middle';
        const first = Math.floor(this.top / LANE);
        const last = Math.min(this.lanes.length - 1, Math.floor((this.top + this.height - AXIS) / LANE));
        for (let i = first; i <= last; i++)
            this.paintLane(pen, this.lanes[i], AXIS + i * LANE - this.top, width, color, i);
        this.paintAxis(pen, width, color);
        this.paintScroll(pen, width, color);
    }

    paintLane(pen, lane, y, width, color, i) {
        const middle = y + LANE / 2, bar = middle - BAR / 2;
        if (i % 2 === 1 || lane === this.chosen) {
            pen.fillStyle = lane === this.chosen ? color.accent : color.stripe;
            pen.globalAlpha = lane === this.chosen ? 0.15 : 1;
            pen.fillRect(0, y, width, LANE);
            pen.globalAlpha = 1;
        }
        pen.save();
        pen.beginPath();
        pen.rect(this.labels, y, width - this.labels - 4, LANE);
        pen.clip();
        lane.spans.forEach((span, at) => this.paintSpan(pen, lane, span, lane.spans[at + 1], bar, middle, color));
        for (let at = lane.marks.length - 1, before = Infinity; at >= 0; at--) {
            const mark = lane.marks[at], x = this.x(mark.at);
            if (x < this.labels - 8 || x > width || (before - x < 2 && mark.severity === 'note'))
                continue;
            before = x;
            paintMark(pen, mark.severity, x, middle, color);
        }
        pen.restore();
        pen.fillStyle = color.text;
        pen.textAlign = 'left';
        pen.fillText(fit(pen, lane.name, this.labels - 14), 4, middle);
    }

    paintSpan(pen, lane, span, next, bar, middle, color) {
        const from = this.x(span.from), to = Math.max(this.x(span.to), from + 2);
        const away = next ? this.x(next.from) : this.x(length);
        pen.lineWidth = 1.5;
        if (away > to && span.cause !== 'open' && (next || span.kept)) {
            const expired = !next && this.expired.has(lane.name);
            pen.strokeStyle = expired ? color.error : color.muted;
            pen.setLineDash(span.kept ? [] : [1, 4]);
            if (expired)
                pen.setLineDash([6, 4]);
            pen.beginPath();
            pen.moveTo(to, middle);
            pen.lineTo(away, middle);
            pen.stroke();
            pen.setLineDash([]);
        }
        pen.fillStyle = span.late ? color.late : color.lane;
        pen.fillRect(from, bar, to - from, BAR);
        if (span.silent > 0) {
            const since = Math.max(this.x(span.to - span.silent), from);
            pen.fillStyle = color.silent;
            pen.fillRect(since, bar, to - since, BAR);
            pen.strokeStyle = color.error;
            pen.lineWidth = 1;
            pen.beginPath();
            for (let x = Math.max(since, this.labels) + 4; x < Math.min(to, this.canvas.clientWidth); x += 7) {
                pen.moveTo(x, bar + BAR);
                pen.lineTo(x + 4, bar);
            }
            pen.stroke();
        }
        if (abnormal.has(span.cause)) {
            pen.fillStyle = color.text;
            pen.fillRect(to - 2, bar - 3, 2, BAR + 6);
        }
    }

    paintAxis(pen, width, color) {
        const steps = [1, 2, 5];
        const room = (this.to - this.from) / Math.max((width - this.labels) / 110, 1);
        let step = 10 ** Math.floor(Math.log10(Math.max(room, 1)));
        step *= steps.find(each => each * step >= room) ?? 10;
        pen.clearRect(0, 0, width, AXIS);
        pen.fillStyle = color.muted;
        pen.strokeStyle = color.line;
        pen.lineWidth = 1;
        pen.textAlign = 'center';
        for (let time = Math.ceil(this.from / step) * step; time <= this.to; time += step) {
            const x = Math.round(this.x(time)) + 0.5;
            pen.beginPath();
            pen.moveTo(x, AXIS - 4);
            pen.lineTo(x, this.height);
            pen.globalAlpha = 0.5;
            pen.stroke();
            pen.globalAlpha = 1;
            if (x > this.labels + 14 && x < width - 24)
                pen.fillText(time === 0 ? '0' : format.duration(time), x, AXIS / 2 - 2);
        }
    }

    paintScroll(pen, width, color) {
        const all = this.lanes.length * LANE, seen = this.height - AXIS;
        if (all <= seen)
            return;
        pen.fillStyle = color.muted;
        pen.globalAlpha = 0.5;
        pen.fillRect(width - 4, AXIS + this.top / all * seen, 3, Math.max(seen / all * seen, 12));
        pen.globalAlpha = 1;
    }
}

function fit(pen, name, room) {
    if (pen.measureText(name).width <= room)
        return name;
    let end = Math.min(name.length, 40);
    while (end > 1 && pen.measureText(`${name.slice(0, end)}…`).width > room)
        end--;
    return `${name.slice(0, end)}…`;
}

/* The shapes of the severities' signs. */
function paintMark(pen, severity, x, y, color) {
    pen.fillStyle = color[severity];
    pen.beginPath();
    if (severity === 'warning') {
        pen.moveTo(x, y - 7);
        pen.lineTo(x + 6, y + 5);
        pen.lineTo(x - 6, y + 5);
    } else if (severity === 'error') {
        pen.rect(x - 5, y - 5, 10, 10);
    } else {
        pen.arc(x, y, 4, 0, 7);
    }
    pen.fill();
    pen.strokeStyle = color.stripe;
    pen.lineWidth = 1;
    pen.stroke();
}
