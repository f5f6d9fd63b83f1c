// SPDX-License-Identifier: GPL-2.0-or-later
// The report that stands in the page, as audit/report/html.c writes it. Tables come a list a column
// (audit/report/columnar.h says how) and are unpacked when somebody looks at them.

const raw = JSON.parse(document.getElementById('data').textContent);
const words = raw.words;

/** The word of a number; null of null. */
export const word = number => (number === null || number === undefined ? null : words[number]);

class Column {
    constructor(raw, rows) {
        Object.assign(this, raw);
        this.rows = rows;
    }

    /** A list of numbers, null where there is none. */
    get numbers() {
        if (this.unpacked)
            return this.unpacked;
        let list = this.values;
        if (this.steps) {
            let sum = 0;
            list = this.steps.map(step => (sum += step));
        } else if (this.at) {
            list = new Array(this.rows).fill(this.most);
            let row = 0;
            this.at.forEach((distance, i) => { list[row += distance] = this.is[i]; });
        } else if (!list) {
            list = new Array(this.rows).fill(this.all);
        }
        return (this.unpacked = list);
    }
}

/** Rows with a property for each column; what a row shows is made when it is asked for. */
class Table {
    constructor(raw) {
        this.of = raw.of;
        this.count = raw.rows;
        this.columns = new Map(raw.columns.map(column => [column.key, new Column(column, raw.rows)]));
    }

    get keys() {
        return [...this.columns.keys()].filter(key => !key.includes('#'));
    }

    /** The value of a column in a row: a number, a string, or null. */
    get(key, row) {
        const column = this.columns.get(key);
        if (!column)
            return null;
        const value = column.numbers[row];
        if (value === null)
            return null;
        if (column.kind === 'word')
            return words[value];
        if (column.kind === 'bool')
            return value !== 0;
        if (column.kind !== 'text')
            return value;
        let number = 0;
        return words[value].replaceAll('\u0001', () => this.columns.get(`${key}#${number++}`).numbers[row]);
    }

    /** All of them, once. */
    get rows() {
        if (this.made)
            return this.made;
        const table = this;
        class Row {
            constructor(index) { this.index = index; }
        }
        for (const key of this.keys)
            Object.defineProperty(Row.prototype, key, {
                get() { return table.get(key, this.index); },
                set() {},
                enumerable: true,
            });
        this.made = Array.from({length: this.count}, (_, index) => new Row(index));
        return this.made;
    }

    /** Numbers of the rows that have this value, by a look-up that is made once a column. */
    where(key, value) {
        this.lookups ??= new Map();
        if (!this.lookups.has(key)) {
            const lookup = new Map();
            for (let row = 0; row < this.count; row++) {
                const at = this.get(key, row);
                if (lookup.has(at))
                    lookup.get(at).push(row);
                else
                    lookup.set(at, [row]);
            }
            this.lookups.set(key, lookup);
        }
        return this.lookups.get(key).get(value) ?? [];
    }
}

const none = {rows: 0, of: 0, columns: []};
export const tables = Object.fromEntries(
    ['connections', 'sessions', 'findings', 'topics', 'deliveries', 'sparkplug'].map(
        key => [key, new Table(raw.tables[key] ?? none)]));

export const report = raw;
export const rules = new Map(raw.rules.map(rule => [rule.rule, rule]));

/** Milliseconds since 1970 of the report's time 0. */
export const base = Date.parse(raw.base);

/** Microseconds from the report's time 0 to an RFC 3339 time. */
export const offset = text => {
    const parse = at => [Date.parse(at.slice(0, 19) + 'Z'), Number(at.slice(20, 29).padEnd(9, '0')) / 1000];
    const [ms, us] = parse(text), [baseMs, baseUs] = parse(raw.base);
    return (ms - baseMs) * 1000 + us - baseUs;
};

/** How long the capture is, in microseconds. */
export const length = raw.capture.last_time ? Math.max(offset(raw.capture.last_time), 1) : 1;

/** The ladder of a finding, if there is one. */
const ladders = new Map(raw.ladders.map(ladder => [`${ladder.rule} ${ladder.frame} ${ladder.stream}`, ladder]));
export const ladderOf = finding => ladders.get(`${finding.rule} ${finding.frame} ${finding.tcp_stream ?? -1}`);
