// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers and times as people read them.

import {base} from './data.js';

export const count = number => (number ?? 0).toLocaleString('en-US');

export const plural = (number, one, many = one + 's') => `${count(number)} ${number === 1 ? one : many}`;

const digits = (value, unit) => `${value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)}\u00a0${unit}`;

/** Microseconds: "830 µs", "12.4 ms", "1.20 s", "1 min 40 s", "2 h 05 min". */
export function duration(us) {
    if (us === null || us === undefined)
        return '–';
    if (us < 0)
        return '−' + duration(-us);
    if (us < 1000)
        return `${Math.round(us)}\u00a0µs`;
    if (us < 1e6)
        return digits(us / 1000, 'ms');
    if (us < 6e7)
        return digits(us / 1e6, 's');
    const s = Math.round(us / 1e6);
    const two = value => String(value).padStart(2, '0');
    if (s < 3600)
        return `${Math.floor(s / 60)}\u00a0min\u00a0${two(s % 60)}\u00a0s`;
    if (s < 86400)
        return `${Math.floor(s / 3600)}\u00a0h\u00a0${two(Math.floor(s % 3600 / 60))}\u00a0min`;
    return `${Math.floor(s / 86400)}\u00a0d\u00a0${two(Math.floor(s % 86400 / 3600))}\u00a0h`;
}

export function bytes(number) {
    if (number < 1000)
        return `${number}\u00a0B`;
    const units = ['kB', 'MB', 'GB', 'TB'];
    let unit = -1;
    do {
        number /= 1000;
        unit++;
    } while (number >= 999.5 && unit < 3);
    return digits(number, units[unit]);
}

/** Where a time is in the capture: "+1.519 s". */
export const at = us => (us === null ? '–' : us < 6e7 ? `+${(us / 1e6).toFixed(3)}\u00a0s` : `+${duration(us)}`);

/** The same on a clock: "2026-11-22 09:46:20.123 UTC". */
export function clock(us) {
    const time = new Date(base + us / 1000);
    return Number.isNaN(time.getTime()) ? '–' : time.toISOString().replace('T', ' ').replace('Z', '\u00a0UTC');
}

/** Words of the report, as words of a sentence. */
export const words = text => (text === null ? '–' : text.replaceAll('_', ' ').replaceAll('-', ' '));

export const directions = {
    client_to_server: 'client → server',
    server_to_client: 'server → client',
    publisher_to_subscriber: 'publisher → subscriber',
};
