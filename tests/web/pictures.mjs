// SPDX-License-Identifier: GPL-2.0-or-later
// node pictures.mjs MQTTSCOPE SOURCE-FOLDER: the pictures in docs/. scripts/page-pictures calls it.
import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {launch, open} from './browser.mjs';

const [mqttscope, source] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'mqttscope-pictures-'));
const browser = await launch();

async function picture(name, capture, options, show) {
    const path = join(folder, `${capture}.html`);
    spawnSync(mqttscope, ['-q', '--html', path, join(source, 'captures', `${capture}.pcapng`)]);
    const {page, context} = await open(browser, path, options);
    await show(page);
    await page.waitForTimeout(300);
    await page.screenshot({path: join(source, 'docs', name)});
    await context.close();
}

const see = id => page => page.evaluate(id => document.getElementById(id).scrollIntoView({behavior: 'instant'}), id);

await picture('page.png', 'fleet', {viewport: {width: 1100, height: 640}}, async () => {});
await picture('page-timeline.png', 'fleet', {viewport: {width: 1100, height: 480}}, see('timeline'));
await picture('page-ladder.png', 'qos-faults-v5', {viewport: {width: 1100, height: 860}, colorScheme: 'dark'}, async page => {
    await see('findings')(page);
    await page.locator('#findings .tabulator-row').first().click();
});
await browser.close();
rmSync(folder, {recursive: true});
