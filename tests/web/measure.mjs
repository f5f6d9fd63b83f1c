// SPDX-License-Identifier: GPL-2.0-or-later
// How long a page takes to open, and what it feels like: node measure.mjs PAGE. See tests/bench/page.
import {launch, open} from './browser.mjs';

const [path] = process.argv.slice(2);
const browser = await launch();
for (let round = 1; round <= 3; round++) {
    const {page, context, trouble} = await open(browser, path);
    page.setDefaultTimeout(120000);
    const ready = await page.evaluate(() => new Promise(resolve => requestAnimationFrame(() => setTimeout(() => resolve(performance.now())))));
    const findings = await page.evaluate(async () => {
        const begin = performance.now();
        document.getElementById('findings').scrollIntoView({behavior: 'instant'});
        while (!document.querySelector('#findings .tabulator-row'))
            await new Promise(resolve => setTimeout(resolve, 5));
        return performance.now() - begin;
    });
    // Frames while the table of findings scrolls from end to end.
    const frames = await page.evaluate(async () => {
        const holder = document.querySelector('#findings .tabulator-tableholder');
        const took = [];
        const far = holder.scrollHeight;
        let before = performance.now();
        for (let i = 0; i < 200; i++) {
            holder.scrollTop = i < 100 ? i * 60 : far * (i - 100) / 100;
            await new Promise(resolve => requestAnimationFrame(resolve));
            const now = performance.now();
            took.push(now - before);
            before = now;
        }
        took.sort((a, b) => a - b);
        return {median: took[100], p95: took[190], max: took[199]};
    });
    const timed = action => page.evaluate(async action => {
        const begin = performance.now();
        if (action === 'sort') {
            document.querySelector('#findings .tabulator-col[tabulator-field="client_id"]').click();
        } else {
            const input = document.querySelector('#findings input'), output = document.querySelector('#findings output'), before = output.textContent;
            input.value = 'device-00777';
            input.dispatchEvent(new Event('input'));
            while (output.textContent === before)
                await new Promise(resolve => setTimeout(resolve, 5));
        }
        await new Promise(resolve => requestAnimationFrame(resolve));
        return performance.now() - begin;
    }, action);
    const sort = await timed('sort'), search = await timed('search');
    const timeline = await page.evaluate(async () => {
        const begin = performance.now();
        document.getElementById('timeline').scrollIntoView({behavior: 'instant'});
        while (!document.querySelector('#timeline canvas'))
            await new Promise(resolve => setTimeout(resolve, 5));
        await new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)));
        return performance.now() - begin;
    });
    const ms = value => `${value.toFixed(0)} ms`;
    console.log(`round ${round}: opens in ${ms(ready)}, findings in ${ms(findings)}, a frame of scrolling ${ms(frames.median)} (p95 ${ms(frames.p95)}, max ${
        ms(frames.max)}), sort ${ms(sort)}, first search ${ms(search)}, timeline ${ms(timeline)}${trouble.length ? `, TROUBLE ${trouble[0]}` : ''}`);
    await context.close();
}
await browser.close();
