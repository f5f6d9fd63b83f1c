// SPDX-License-Identifier: GPL-2.0-or-later
// The page of --html in a real browser, offline: what people do with it.
//
//     node page.mjs MQTTSCOPE SOURCE-FOLDER [name of a test...]
//
// Exits 77 where there is no browser, or no playwright-core (scripts/web --install).
import assert from 'node:assert/strict';
import {execFileSync, spawnSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

const [mqttscope, source, ...only] = process.argv.slice(2);
let tools;
try {
    tools = await import('./browser.mjs');
} catch (error) {
    console.error(`page: ${error.message.split('\n')[0]} (scripts/web --install)`);
    process.exit(77);
}
if (!tools.executable) {
    console.error('page: there is no chromium');
    process.exit(77);
}

const folder = mkdtempSync(join(tmpdir(), 'mqttscope-page-'));
const made = new Map();

/** The page of a capture; `name` without its ending, or the path of a file. */
function pageOf(name, ...more) {
    const key = [name, ...more].join(' ');
    if (!made.has(key)) {
        const path = join(folder, `${made.size}.html`);
        const capture = name.includes('/') ? name : join(source, 'captures', `${name}.pcapng`);
        spawnSync(mqttscope, ['-q', '--html', path, ...more, capture], {stdio: 'ignore'});
        made.set(key, path);
    }
    return made.get(key);
}

/** Brings a section into sight, and waits until its table is there. */
async function see(page, id) {
    await page.evaluate(id => document.getElementById(id).scrollIntoView({behavior: 'instant'}), id);
    await page.waitForSelector(`#${id} .tabulator-row`);
}

const text = (page, selector) => page.locator(selector).first().innerText();
const shown = page => page.locator('#findings output').innerText();
const column = (page, section, field) => page.locator(`#${section} .tabulator-row .tabulator-cell[tabulator-field="${field}"]`).allInnerTexts();

/* A capture of one client with a name that wants to be a script. */
function hostileCapture() {
    const path = join(folder, 'hostile.pcap');
    execFileSync('python3', ['-B', '-c', `
import sys
sys.path.insert(0, sys.argv[1])
from mqtt_pcap import *
nasty = "<img src=x onerror=document.title='broken'></script><script>document.title='broken'</script>"
capture = Capture()
capture.talk([(CLIENT, connect(nasty, keep_alive=1)), (SERVER, connack()), (CLIENT, publish("t/" + nasty, b"x")),
              (SERVER, packet(0x40, b"\\x00\\x07"))])
open(sys.argv[2], "wb").write(capture.bytes())`, join(source, 'tests', 'cli'), path]);
    return path;
}

const tests = {
    async 'the verdict says whether all is well'(open) {
        const well = await open(pageOf('qos-flows-v5'));
        assert.equal(await text(well, 'h1'), 'All is well');
        const fleet = await open(pageOf('fleet'));
        assert.equal(await text(fleet, 'h1'), 'It works, but not well');
        assert.match(await text(fleet, '.cause'), /gateway-3[^]*What to do/);
        assert.match(await text(fleet, '.who'), /thermo-1\s+1 warning/);
        const broken = await open(pageOf('qos-faults-v5'));
        assert.equal(await text(broken, 'h1'), 'Something is broken');
    },

    async 'findings are searched, filtered and sorted'(open) {
        const page = await open(pageOf('fleet'));
        await see(page, 'findings');
        assert.equal(await shown(page), '9');
        await page.fill('#findings input', 'GATEWAY-3');
        await page.waitForFunction(() => document.querySelector('#findings output').textContent === '4 of 9');
        assert.deepEqual(new Set(await column(page, 'findings', 'client_id')), new Set(['gateway-3']));
        await page.fill('#findings input', 'nothing like it');
        await page.waitForFunction(() => document.querySelector('#findings output').textContent === '0 of 9');
        await page.fill('#findings input', '');
        await page.selectOption('#findings select >> nth=0', 'note');
        await page.waitForFunction(() => document.querySelector('#findings output').textContent === '2 of 9');
        await page.selectOption('#findings select >> nth=0', '');
        await page.selectOption('#findings select >> nth=2', 'client');
        await page.waitForFunction(() => document.querySelector('#findings output').textContent === '3 of 9');
        await page.selectOption('#findings select >> nth=2', '');
        const head = page.locator('#findings .tabulator-col[tabulator-field="frame"]');
        await head.click();
        const up = (await column(page, 'findings', 'frame')).map(Number);
        assert.deepEqual(up, [...up].sort((a, b) => a - b));
        await head.click();
        const down = (await column(page, 'findings', 'frame')).map(Number);
        assert.deepEqual(down, up.reverse());
    },

    async 'a finding opens to its explanation, ladder and filter'(open) {
        const page = await open(pageOf('fleet'));
        await see(page, 'findings');
        await page.locator('#findings .tabulator-row', {hasText: 'meter-9'}).click();
        const dialog = page.locator('#detail');
        assert.match(await dialog.innerText(), /MQTT-4\.3\.3-1/);
        assert.deepEqual(await dialog.locator('.rung b').allInnerTexts(), ['CONNECT', 'CONNACK', 'PUBLISH', 'PUBREC']);
        assert.match(await dialog.locator('.rung.about').innerText(), /PUBREC[^]*answers 199[^]*after 25/);
        await dialog.locator('.copy').first().click();
        await page.waitForFunction(() => document.querySelector('#detail .copy').textContent === 'Copied');
        assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'frame.number == 200');
        await dialog.getByText('Its connection').click();
        assert.match(await dialog.locator('h2').innerText(), /meter-9/);
        await dialog.getByText('Show in the timeline').click();
        assert.equal(await dialog.isVisible(), false);
    },

    async 'the keyboard alone is enough'(open) {
        const page = await open(pageOf('fleet'));
        await see(page, 'findings');
        await page.locator('#findings .tabulator-row').first().focus();
        await page.keyboard.press('ArrowDown');
        assert.match(await page.evaluate(() => document.activeElement.innerText), /gateway-3/);
        await page.keyboard.press('Enter');
        assert.equal(await page.locator('#detail').isVisible(), true);
        assert.equal(await page.evaluate(() => document.getElementById('detail').contains(document.activeElement)), true);
        await page.keyboard.press('Escape');
        assert.equal(await page.locator('#detail').isVisible(), false);
    },

    async 'the keyboard sorts'(open) {
        const page = await open(pageOf('fleet'));
        await see(page, 'findings');
        await page.locator('#findings .tabulator-col[tabulator-field="frame"]').focus();
        await page.keyboard.press('Enter');
        const up = (await column(page, 'findings', 'frame')).map(Number);
        assert.deepEqual(up, [...up].sort((a, b) => a - b));
        assert.equal(up.length, 9);
    },

    async 'the timeline zooms, pans and opens'(open) {
        const page = await open(pageOf('fleet'));
        await page.evaluate(() => document.getElementById('timeline').scrollIntoView({behavior: 'instant'}));
        const canvas = page.locator('#timeline canvas'), range = page.locator('#timeline output');
        await canvas.waitFor();
        const all = await range.innerText();
        await page.getByLabel('Zoom in').click();
        const zoomed = await range.innerText();
        assert.notEqual(zoomed, all);
        await canvas.focus();
        await page.keyboard.press('ArrowRight');
        assert.notEqual(await range.innerText(), zoomed);
        await page.keyboard.press('0');
        assert.equal(await range.innerText(), all);
        const box = await canvas.boundingBox();
        await page.mouse.move(box.x + box.width / 2, box.y + 60);
        await page.keyboard.down('Control');
        await page.mouse.wheel(0, -100);
        await page.keyboard.up('Control');
        assert.notEqual(await range.innerText(), all);
        await page.keyboard.press('0');
        // The lanes are painted: a bar where a client was connected, and nothing else than the ground where not.
        await page.waitForTimeout(100);
        const colours = await canvas.evaluate(canvas => {
            const line = canvas.getContext('2d').getImageData(canvas.width * 0.15, 22 * devicePixelRatio + canvas.height / 3, canvas.width * 0.8, 1).data;
            return new Set(Array.from({length: line.length / 4}, (_, i) => line.slice(4 * i, 4 * i + 4).join())).size;
        });
        assert.ok(colours >= 2, `${colours} colours`);
        // The first lane has the most trouble, and a mark of it can be opened.
        for (let x = 170; x < box.width && !await page.locator('#detail').isVisible(); x += 6)
            await page.mouse.click(box.x + x, box.y + 22 + 12);
        assert.match(await page.locator('#detail h2').innerText(), /takes over|gateway-3/);
    },

    async 'tables of connections, sessions, handshakes and deliveries'(open) {
        const page = await open(pageOf('fleet'));
        await see(page, 'connections');
        assert.equal((await column(page, 'connections', 'client_id')).length, 15);
        await page.locator('#connections .tabulator-row').first().click();
        assert.match(await page.locator('#detail').innerText(), /tcp\.stream == 0/);
        await page.keyboard.press('Escape');
        await see(page, 'sessions');
        await page.locator('#sessions .tabulator-row', {hasText: 'gateway-3'}).click();
        assert.match(await page.locator('#detail').innerText(), /5 connections/);
        await page.keyboard.press('Escape');
        await see(page, 'handshakes');
        await page.locator('#handshakes .tabulator-row').first().click();
        assert.match(await page.locator('#detail').innerText(), /frame\.number in/);
        await page.keyboard.press('Escape');
        await see(page, 'deliveries');
        assert.match(await text(page, '.matrix tr:has-text("plant/thermo-1/temperature")'), /thermo-1[^]*6\/6[^]*3 late/);
        assert.match(await text(page, '.tree'), /plant[^]*thermo-1[^]*temperature/);
    },

    async 'light and dark, as the system or the reader wants'(open) {
        const ground = page => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        const light = await open(pageOf('fleet'));
        const dark = await open(pageOf('fleet'), {colorScheme: 'dark'});
        assert.notEqual(await ground(light), await ground(dark));
        const wanted = await ground(dark);
        await light.selectOption('.top select', 'dark');
        assert.equal(await ground(light), wanted);
        await light.selectOption('.top select', 'light');
        assert.notEqual(await ground(light), wanted);
    },

    async 'on a phone nothing is wider than the page'(open) {
        for (const name of ['fleet', 'qos-faults-v5', 'reconnect-storm']) {
            const page = await open(pageOf(name), {viewport: {width: 360, height: 740}});
            const {page: wide, window} = await page.evaluate(() => ({page: document.documentElement.scrollWidth, window: innerWidth}));
            assert.ok(wide <= window, `${name}: ${wide} > ${window}`);
        }
    },

    async 'on paper all findings are there'(open) {
        const page = await open(pageOf('fleet'));
        await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
        await page.emulateMedia({media: 'print'});
        assert.equal(await page.locator('#print tbody tr').count(), 9);
        assert.equal(await page.locator('#print').isVisible(), true);
        assert.equal(await page.locator('nav').isVisible(), false);
        assert.ok((await page.pdf()).length > 10000);
        await page.emulateMedia({media: 'screen'});
        await page.evaluate(() => dispatchEvent(new Event('afterprint')));
        assert.equal(await page.locator('#print tbody tr').count(), 0);
    },

    async 'hostile strings stay text'(open) {
        const page = await open(pageOf(hostileCapture()));
        await see(page, 'findings');
        assert.match(await text(page, '#findings .tabulator-row'), /<img src=x onerror=/);
        await page.locator('#findings .tabulator-row').first().click();
        for (const id of ['connections', 'sessions'])
            await see(page, id);
        assert.equal(await page.locator('img').count(), 0);
        assert.notEqual(await page.title(), 'broken');
    },

    async 'what the policy forbids does not happen'(open) {
        // The twin of all the other tests: a page that tries is found out.
        const path = join(folder, 'tries.html');
        writeFileSync(path, readFileSync(pageOf('fleet'), 'utf8').replace('<body>', '<body><img src="http://192.0.2.1/x"><script>document.title = 1</script>'));
        const page = await open(path, {}, false);
        await page.waitForTimeout(200);
        const trouble = page.trouble.splice(0);
        assert.ok(trouble.some(line => /img-src|default-src/.test(line)), String(trouble));
        assert.ok(trouble.some(line => /script-src/.test(line)), String(trouble));
    },

    async 'axe finds nothing'(open) {
        for (const [name, options] of [['fleet', {}], ['fleet', {colorScheme: 'dark'}], ['qos-faults-v5', {}], ['qos-flows-v5', {}]]) {
            const page = await open(pageOf(name), {...options, bypassCSP: true});
            for (const id of await page.evaluate(() => [...document.querySelectorAll('main > section[id]')].map(section => section.id))) {
                await page.evaluate(id => document.getElementById(id).scrollIntoView({behavior: 'instant'}), id);
                await page.waitForTimeout(60);
            }
            await page.addScriptTag({path: tools.axe()});
            const check = () => page.evaluate(async () => (await axe.run(document, {resultTypes: ['violations']})).violations.map(
                violation => `${violation.id} (${violation.impact}): ${violation.nodes.slice(0, 3).map(node => node.target.join(' ')).join(', ')}`));
            assert.deepEqual(await check(), [], name);
            if (await page.locator('#findings .tabulator-row').count() > 0) {
                await page.locator('#findings .tabulator-row').first().click();
                assert.deepEqual(await check(), [], `${name}, a finding`);
            }
            page.trouble.splice(0);
        }
    },
};

const browser = await tools.launch();
let failed = 0;
for (const [name, test] of Object.entries(tests)) {
    if (only.length > 0 && !only.some(part => name.includes(part)))
        continue;
    const contexts = [];
    const pages = [];
    const open = async (path, options) => {
        const {page, context, trouble} = await tools.open(browser, path, options);
        contexts.push(context);
        page.trouble = trouble;
        page.setDefaultTimeout(30000);
        pages.push(page);
        return page;
    };
    try {
        await test(open);
        for (const page of pages)
            assert.deepEqual(page.trouble, []);
        console.log(`ok: ${name}`);
    } catch (error) {
        failed++;
        console.log(`FAILED: ${name}\n${error.stack}`);
    }
    for (const context of contexts)
        await context.close();
}
await browser.close();
rmSync(folder, {recursive: true});
process.exit(failed > 0 ? 1 : 0);
