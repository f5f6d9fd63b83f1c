// SPDX-License-Identifier: GPL-2.0-or-later
// Small pieces that many sections use.

import {html, nothing} from 'lit/html.js';
import * as format from './format.js';

// Each severity has a shape of its own: colour alone says nothing to some, and nothing on paper.
const shapes = {
    error: '<path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z"/><path class="cut" d="M5.5 5.5l5 5m0-5l-5 5"/>',
    warning: '<path d="M8 1l7.5 14H.5z"/><path class="cut" d="M8 6v4.5M8 12v1.5"/>',
    note: '<circle cx="8" cy="8" r="7"/><path class="cut" d="M8 7v5M8 4v1.5"/>',
    good: '<circle cx="8" cy="8" r="7"/><path class="cut" d="M4.5 8.5l2.5 2.5 4.5-5.5"/>',
};

/** The sign of a severity; `label` false where its word stands beside it. */
export function sign(severity, label = true) {
    const span = document.createElement('span');
    span.className = `sign ${severity}`;
    if (label) {
        span.setAttribute('role', 'img');
        span.setAttribute('aria-label', severity);
        span.title = severity;
    } else {
        span.setAttribute('aria-hidden', 'true');
    }
    span.innerHTML = `<svg viewBox="0 0 16 16" focusable="false">${shapes[severity]}</svg>`;
    return span;
}

export const severities = ['error', 'warning', 'note'];

/** "2 errors, 7 warnings", or "nothing". */
export const tally = counts => severities.filter(severity => counts[severity] > 0)
    .map(severity => format.plural(counts[severity], severity)).join(', ') || 'nothing';

async function copyText(text) {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch {
        const area = document.createElement('textarea');
        area.value = text;
        (document.querySelector('dialog[open]') ?? document.body).append(area);
        area.select();
        const done = document.execCommand('copy');
        area.remove();
        return done;
    }
}

/** Text, and a button that copies it. */
export const copyable = (text, what = 'display filter') => !text ? nothing : html`
    <div class="copyable"><code tabindex="0">${text}</code>
        <button type="button" class="copy" aria-label=${`Copy the ${what}`} @click=${async event => {
            const button = event.currentTarget;
            button.textContent = await copyText(text) ? 'Copied' : 'Select it and copy';
            setTimeout(() => { button.textContent = 'Copy'; }, 1500);
        }}>Copy</button></div>`;

/** A list of names and values; those without a value are left out. */
export const facts = list => html`<dl class="facts">${list.map(([name, value, help]) =>
    value === null || value === undefined || value === '' ? nothing
        : html`<div><dt title=${help ?? nothing}>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
