// SPDX-License-Identifier: GPL-2.0-or-later
// The control packets around a finding, between client and server.

import {html, nothing} from 'lit/html.js';
import {word} from './data.js';
import * as format from './format.js';

const named = ([time, frame, type, fromServer, id, answers, qos, flags, topic]) =>
    ({time, frame, type: word(type), fromServer: fromServer === 1, id, answers, qos, flags, topic: word(topic)});

function label(rung) {
    const parts = [];
    if (rung.type === 'PUBLISH')
        parts.push(`QoS ${rung.qos}`);
    if (rung.flags & 1)
        parts.push('DUP');
    if (rung.flags & 2)
        parts.push('RETAIN');
    if (rung.id)
        parts.push(`id ${rung.id}`);
    return parts.join(' ');
}

/** `about` is the frame of the finding. */
export function ladder(raw, about) {
    const rungs = raw.rungs.map(named);
    const byFrame = new Map(rungs.map(rung => [rung.frame, rung]));
    let before = null;
    const row = rung => {
        const gap = before === null ? null : rung.time - before;
        const answered = rung.answers ? byFrame.get(rung.answers) : null;
        before = rung.time;
        return html`
            ${gap !== null && gap >= 1e6 ? html`<li class="pause"><span>${format.duration(gap)} later</span></li>` : nothing}
            <li class=${`rung ${rung.fromServer ? 'from-server' : 'from-client'}${rung.frame === about ? ' about' : ''}`}
                aria-current=${rung.frame === about ? 'true' : nothing}>
                <span class="when">${format.at(rung.time)}<small>frame ${rung.frame}</small></span>
                <span class="arrow"><span class="visually-hidden">${rung.fromServer ? 'server to client' : 'client to server'}: </span>
                    <b>${rung.type}</b> ${label(rung)}${rung.topic ? html` <i>${rung.topic}</i>` : nothing}</span>
                <span class="answer">${rung.answers
                    ? html`answers ${rung.answers}${answered ? html`<small>after ${format.duration(rung.time - answered.time)}</small>` : nothing}`
                    : nothing}</span>
            </li>`;
    };
    return html`<div class="ladder">
        <div class="ends" aria-hidden="true"><span></span><span><b>client</b><b>server</b></span><span></span></div>
        <ol aria-label="Control packets around it">${rungs.map(row)}
            ${raw.end_cause ? html`<li class="pause"><span>${raw.end_cause === 'open' ? 'the capture ends' : `the connection ends: ${format.words(raw.end_cause)}`},
                ${format.at(raw.ended)}</span></li>` : nothing}</ol></div>`;
}
