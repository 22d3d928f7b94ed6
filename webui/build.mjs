// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Builds the web pages: node build.mjs <folder>
//   <folder>/assets/     scripts and styles, bundled and minified, each also as .gz and .br
//   <folder>/templates/  the templates, with /assets/<name> completed by the content's hash
// Every output file is written at each run, because the C build waits for each of them.

import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2];
if (!out) {
  console.error('usage: node build.mjs <folder>');
  process.exit(2);
}

// What MQTT.js and its parts would bring along for other places than a browser's page. `debug`
// prints, `ws` is for Node, topic aliases (lru-cache) are not sent here, and worker-timers would
// start a worker from a blob: URL, which our content security policy forbids; MQTT.js is told to
// use plain timers (timerVariant).
const stubs = {
  debug: 'module.exports = () => () => {};',
  ws: 'module.exports = {};',
  'lru-cache': 'module.exports = { LRUCache: class {} };',
  'worker-timers': 'module.exports = {};',
};
const withoutStubs = {
  name: 'stubs',
  setup(build) {
    const filter = new RegExp(`^(${Object.keys(stubs).join('|')})$`);
    build.onResolve({ filter }, ({ path }) => ({ path, namespace: 'stub' }));
    build.onLoad({ filter: /.*/, namespace: 'stub' }, ({ path }) => ({ contents: stubs[path] }));
  },
};

async function bundle(name, { define = {}, inject = [] } = {}) {
  const result = await esbuild.build({
    entryPoints: [join(here, name)],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: ['chrome111', 'firefox113', 'safari16.4'],
    legalComments: 'none',
    define: { global: 'globalThis', ...define },
    inject: inject.map((file) => join(here, file)),
    plugins: [withoutStubs],
    external: ['/assets/*'],
    write: false,
    logLevel: 'warning',
  });
  return Buffer.from(result.outputFiles[0].contents);
}

function versioned(name, bytes) {
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 12);
  return `/assets/${name}?v=${hash}`;
}

// Completes every /assets/<name> in `text`.
function withVersions(text, assets, where) {
  return text.replace(/\/assets\/([\w.-]+)/g, (_, name) => {
    if (!assets.has(name)) throw new Error(`${where}: there is no asset ${name}`);
    return versioned(name, assets.get(name));
  });
}

async function buildAssets() {
  const mqtt = await bundle('mqtt.js', { inject: ['mqtt_globals.js'] });
  const mqttUrl = JSON.stringify(versioned('mqtt.js', mqtt));
  const assets = new Map([
    ['favicon.svg', await readFile(join(here, 'favicon.svg'))],
    ['lobby.js', await bundle('lobby.js')],
    ['mqtt.js', mqtt],
    ['room.js', await bundle('room.js', { define: { MQTT_URL: mqttUrl } })],
  ]);
  const style = (await bundle('style.css')).toString();
  assets.set('style.css', Buffer.from(withVersions(style, assets, 'style.css')));
  return assets;
}

async function writeAsset(name, bytes) {
  const path = join(out, 'assets', name);
  const params = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  await writeFile(path, bytes);
  await writeFile(`${path}.gz`, gzipSync(bytes, { level: 9 }));
  await writeFile(`${path}.br`, brotliCompressSync(bytes, { params }));
}

async function writeTemplate(path, assets) {
  const text = (await readFile(path, 'utf8')).replace(/<!--.*?-->\n?/gs, '');
  const finished = withVersions(text, assets, path);
  await writeFile(join(out, 'templates', basename(path)), finished);
}

await mkdir(join(out, 'assets'), { recursive: true });
await mkdir(join(out, 'templates'), { recursive: true });
const assets = await buildAssets();
for (const [name, bytes] of assets) await writeAsset(name, bytes);
for (const name of await readdir(here)) {
  if (name.endsWith('.html')) await writeTemplate(join(here, name), assets);
}
