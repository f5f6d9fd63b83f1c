// SPDX-License-Identifier: GPL-2.0-or-later
// Debian's Chromium, without a window and without a network, and pages in it.
import {existsSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';

const web = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'web');
const require = createRequire(join(web, 'package.json'));
const {chromium} = require('playwright-core');

export const axe = () => require.resolve('axe-core/axe.min.js');
export const executable = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);

export const launch = () => chromium.launch({
    executablePath: executable,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync', '--host-resolver-rules=MAP * ~NOTFOUND'],
});

/**
 * Opens a file, offline. `trouble` collects what a page must not do: errors, warnings on the console
 * (a breach of the Content-Security-Policy is one), requests to anywhere.
 */
export async function open(browser, path, options = {}) {
    const context = await browser.newContext({offline: true, viewport: {width: 1280, height: 900}, colorScheme: 'light',
        permissions: ['clipboard-read', 'clipboard-write'], ...options});
    const page = await context.newPage();
    const trouble = [];
    page.on('console', message => { if (['error', 'warning'].includes(message.type())) trouble.push(message.text()); });
    page.on('pageerror', error => trouble.push(String(error)));
    page.on('request', request => { if (request.url() !== pathToFileURL(path).href) trouble.push(`request: ${request.url()}`); });
    await page.goto(pathToFileURL(path).href);
    await page.waitForFunction(() => document.documentElement.dataset.ready === 'true');
    return {page, context, trouble};
}
