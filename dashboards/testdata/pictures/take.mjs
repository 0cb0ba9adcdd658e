// Takes the pictures of README.md, and of every dashboard on two screens and in both
// themes, for somebody to look at: node take.mjs EXPORTER PROMETHEUS DASHBOARDS FOLDER,
// with the URLs of both, the folder of the dashboards, and that for the pictures, in which
// report.txt is what a terminal shows. .ci/pictures calls it.
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import puppeteer from 'puppeteer-core';

const here = dirname(fileURLToPath(import.meta.url));
const [exporter, prometheus, dashboards, folder] = process.argv.slice(2);

await build({
  entryPoints: [join(here, 'page.jsx')], outfile: join(here, 'page.js'), bundle: true, logLevel: 'warning',
  mainFields: ['browser', 'module', 'main'], conditions: ['browser', 'module', 'import'],
  define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
  loader: { '.ttf': 'dataurl', '.woff': 'dataurl', '.woff2': 'dataurl' },
});

const browser = await puppeteer.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
const page = await browser.newPage();
const errors = [];
page.on('pageerror', (error) => errors.push(error));

async function takePage(url, width, height, name) {
  await page.setViewport({ width, height });
  await page.goto(url, { waitUntil: 'networkidle0' });
  await page.screenshot({ path: join(folder, name) });
}

async function takeDashboard(name, { width, height, mode, picture }) {
  const dashboard = JSON.parse(await readFile(join(dashboards, name), 'utf8'));
  const wanted = { dashboard, prometheus, width, mode, log: 'server_access', seconds: 3600 };
  const html = join(here, 'page.html');
  await writeFile(html, `<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="page.css"><body style="margin:0"><div id="root"></div>
<script>window.wanted = ${JSON.stringify(wanted).replaceAll('<', '\\u003c')}</script><script src="page.js"></script>`);
  await page.setViewport({ width, height: 1080 });
  await page.goto(pathToFileURL(html));
  await page.waitForFunction(() => state.errors.length > 0 || (state.done && state.pending === 0), { timeout: 120_000 });
  errors.push(...(await page.evaluate(() => state.errors)));
  const whole = await page.evaluate(() => document.getElementById('dashboard')?.scrollHeight ?? 0);
  await page.setViewport({ width, height: height ?? whole });
  await page.waitForNetworkIdle(); // and what is drawn later is
  await page.screenshot({ path: join(folder, picture) });
}

const terminal = (text) => `<!doctype html><meta charset="utf-8"><body style="background:#111417"><pre style="color:#ddd;font-size:13px">
${text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</pre>`;

await takeDashboard('s3-access-sigv2-migration.json', { width: 1600, height: 890, mode: 'light', picture: 'dashboard.png' });
await takePage(`${exporter}/status`, 1200, 900, 'status.png');
await writeFile(join(here, 'terminal.html'), terminal(await readFile(join(folder, 'report.txt'), 'utf8')));
await takePage(pathToFileURL(join(here, 'terminal.html')), 1620, 420, 'report.png');
for (const name of (await readdir(dashboards)).filter((name) => name.endsWith('.json'))) {
  for (const [width, mode] of [[1920, 'dark'], [1366, 'light']]) {
    await takeDashboard(name, { width, mode, picture: `${basename(name, '.json')}-${width}.png` });
  }
}
await browser.close();
if (errors.length > 0) {
  console.error(errors.join('\n'));
  process.exit(1);
}
