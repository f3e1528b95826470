/** What the package shows to the outside: names, files, imports, the command. It looks at the built package. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SRC = join(ROOT, 'src');
const DIST = join(ROOT, 'dist');
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const requireFromHere = createRequire(import.meta.url);

const NAMES = {
  'apns-streams': [
    'ApnsError',
    'ChannelError',
    'InvalidNotificationError',
    'createChannelManager',
    'createErrorResponseDecoder',
    'createErrorSource',
    'createFeedbackDecoder',
    'createFeedbackSource',
    'createFrameDecoder',
    'createFrameEncoder',
    'createGatewayDelivery',
    'createGatewaySink',
    'createHttp2Delivery',
    'createHttp2Sink',
    'createNdjsonParser',
    'createNdjsonStringifier',
    'lineOf',
    'setLine',
  ],
  'apns-streams/protocol': [
    'ERROR_RESPONSE_BYTES',
    'ERROR_RESPONSE_COMMAND',
    'ERROR_RESPONSE_FORMAT',
    'FEEDBACK_TUPLE_FORMAT',
    'FRAME_FORMAT',
    'FrameItem',
    'FrameReader',
    'HTTP2_RULES',
    'HpackDecoder',
    'HpackEncoder',
    'Http2Error',
    'Http2ErrorCode',
    'MAX_PAYLOAD_BYTES',
    'PUSH_TYPES',
    'PacketReader',
    'REASON_STATUS',
    'RequestEncoder',
    'ResponseDecoder',
    'SettingId',
    'StatusCode',
    'bodyBytes',
    'decodeErrorResponse',
    'decodeFeedbackTuple',
    'decodeFrame',
    'decodeHttp2Frame',
    'decodeReasonBody',
    'decodeRetryAfter',
    'decodeStatusCode',
    'encodeErrorResponse',
    'encodeFeedbackTuple',
    'encodeFrame',
    'encodeHttp2Frame',
    'encodeReasonBody',
    'encodeRetryAfter',
    'encodeStatusCode',
    'http2ErrorName',
    'isTemporary',
    'lintNotification',
    'notificationBytes',
    'requestHeadersBytes',
  ],
  'apns-streams/simulator': [
    'createSimulator',
    'decodeTokenFault',
    'encodeTokenFault',
    'mintAuthority',
    'mintClientCertificate',
    'mintServerCertificate',
    'writeCredentials',
  ],
};

/** Runs npm without lifecycle scripts: `prepack` would take `dist` away from under other tests. */
function npm(cwd: string, ...args: string[]): string {
  return execFileSync('npm', [...args, '--ignore-scripts', '--offline', '--no-audit', '--no-fund'], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Paths with `/`, relative to a folder, of all files in it that end so. */
function filesIn(folder: string, ending: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .map((file) => file.split(sep).join('/'));
}

/** What a built file imports, statically or not. */
function importsOf(file: string): string[] {
  const code = readFileSync(join(DIST, file), 'utf8').replaceAll(/^\s*(?:\/\*\*?|\*|\/\/).*$/gm, '');
  const found = code.matchAll(/\bfrom '([^']+)'|^import '([^']+)'|\b(?:import|require)\('([^']+)'\)/gm);
  return Array.from(found, ([, from, bare, called]) => (from ?? bare ?? called) as string);
}

/** Every built file that one leads to, itself included, and every module of Node on the way. */
function reach(file: string, reached: Set<string> = new Set()): Set<string> {
  if (reached.has(file)) return reached;
  reached.add(file);
  for (const specifier of importsOf(file)) {
    if (specifier.startsWith('.')) reach(relative(DIST, resolve(DIST, dirname(file), specifier)), reached);
    else reached.add(specifier);
  }
  return reached;
}

test.each(Object.entries(NAMES))('gives these names to import and to require (%s)', async (entry, names) => {
  const { default: file } = manifest.exports[entry.replace('apns-streams', '.')];
  const imported = await import(join(ROOT, file));
  expect(Object.keys(imported).toSorted()).toEqual(names);
  // A top-level await anywhere in its graph would make require() throw.
  const required = Object.keys(requireFromHere(entry)).filter((name) => name !== '__esModule');
  expect(required.toSorted()).toEqual(names);
});

test('needs no other package', () => {
  for (const kind of ['dependencies', 'peerDependencies', 'optionalDependencies', 'bundleDependencies']) {
    expect(manifest).not.toHaveProperty(kind);
  }
  const foreign = filesIn(DIST, '.js').flatMap((file) =>
    importsOf(file).filter((specifier) => !/^(?:node:|\.\.?\/)/.test(specifier)),
  );
  expect(foreign).toEqual([]);
});

test('keeps the simulator and the command out of the main entry', () => {
  const reached = [...reach('index.js')];
  expect(reached).toContain('sinks/gateway-sink.js');
  expect(reached.filter((file) => /^(?:simulator|cli)\//.test(file))).toEqual([]);
});

test('loads node:http2 with the first request that needs it, not with the main entry', () => {
  const code = `import('apns-streams').then(() => console.log(process.moduleLoadList.join()))`;
  const loaded = execFileSync(process.execPath, ['-e', code], { cwd: ROOT, encoding: 'utf8' });
  expect(loaded).toMatch(/\btls\b/);
  expect(loaded).not.toMatch(/http2/);
});

test('keeps the protocol free of everything that does something', () => {
  const modules = [...reach('protocol/index.js')].filter((file) => file.startsWith('node:'));
  expect(modules.filter((name) => name !== 'node:buffer')).toEqual([]);
});

test('packs what was built from the sources, the documentation, and nothing else', () => {
  const [{ files }] = JSON.parse(npm(ROOT, 'pack', '--dry-run', '--json'));
  const packed = (files as { path: string }[]).map(({ path }) => path);
  const built = filesIn(SRC, '.ts').flatMap((file) => [
    `dist/${file.replace(/ts$/, 'js')}`,
    `dist/${file.replace(/ts$/, 'd.ts')}`,
  ]);
  const documentation = filesIn(join(ROOT, 'docs'), '.md').map((file) => `docs/${file}`);
  const others = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'];
  expect(packed.toSorted()).toEqual([...built, ...documentation, ...others].toSorted());
});

test('installs its command from the tarball', () => {
  const folder = mkdtempSync(join(tmpdir(), 'apns-streams-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  npm(ROOT, 'pack', '--silent', '--pack-destination', folder);
  npm(folder, 'install', `./apns-streams-${manifest.version}.tgz`);
  const command = join(folder, 'node_modules', '.bin', 'apns-streams');
  expect(execFileSync(command, ['--version'], { encoding: 'utf8' })).toBe(`${manifest.version}\n`);
});
