// SPDX-License-Identifier: GPL-2.0-or-later
// Makes the page that mqttscope --html puts its data into: node build.mjs OUT. One file, the same
// bytes from the same sources and packages. scripts/web calls it.
import {createHash} from 'node:crypto';
import {readFileSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));

async function bundle(entry) {
    const {outputFiles} = await build({
        entryPoints: [join(here, 'src', entry)],
        absWorkingDir: here,
        bundle: true,
        minify: true,
        write: false,
        format: 'iife',
        target: ['chrome111', 'firefox115', 'safari16.4'],
        charset: 'utf8',
        legalComments: 'inline',
        logLevel: 'warning',
    });
    return outputFiles[0].text.trim();
}

/* The packages whose code is in the bundle, and what their licences ask to keep. */
const licence = ['uplot', 'tabulator-tables', 'lit', 'lit-html'].map(name => {
    const folder = join(here, 'node_modules', name);
    const {version} = JSON.parse(readFileSync(join(folder, 'package.json')));
    return `${name} ${version}\n\n${readFileSync(join(folder, 'LICENSE'), 'utf8').trim()}`;
}).join('\n\n----\n\n');

const hash = text => `sha256-${createHash('sha256').update(text).digest('base64')}`;

const script = (await bundle('main.js')).replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--');
const style = await bundle('style.css');
const parts = {
    'SCRIPT-HASH': hash(script),
    'STYLE-HASH': hash(style),
    STYLE: style,
    SCRIPT: script,
};
const page = readFileSync(join(here, 'src', 'index.html'), 'utf8')
    .replace(/@(SCRIPT-HASH|STYLE-HASH|STYLE|SCRIPT)@/g, (whole, name) => parts[name])
    .replace('</html>', () => `</html>\n<!--\nThis page contains:\n\n${licence.replaceAll('--', '- -')}\n-->`);
writeFileSync(process.argv[2], page);
console.log(`${process.argv[2]}: ${page.length} bytes (script ${script.length}, style ${style.length})`);
