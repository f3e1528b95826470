/** What the package shows to the outside: names, files, imports, the command. It looks at the built package. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SRC = join(ROOT, 'src');
const DIST = join(ROOT, 'dist');
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
/** All the code that is published: the entries, and the chunks that they share. */
const PUBLISHED = [
  'chunks/command.js',
  'chunks/main.js',
  'chunks/protocol.js',
  'chunks/simulator.js',
  'cli/main.js',
  'cli/start.js',
  'index.js',
  'index.mjs',
  'protocol/index.js',
  'protocol/index.mjs',
  'simulator/index.js',
  'simulator/index.mjs',
];
const requireFromHere = createRequire(import.meta.url);

const NAMES = {
  'apns-streams': [
    'ApnsError',
    'ChannelError',
    'InvalidNotificationError',
    'createBinaryDelivery',
    'createBinarySink',
    'createChannelManager',
    'createErrorResponseDecoder',
    'createErrorSource',
    'createFeedbackDecoder',
    'createFeedbackSource',
    'createFrameDecoder',
    'createFrameEncoder',
    'createHttp2Delivery',
    'createHttp2Sink',
    'createNdjsonParser',
    'createNdjsonStringifier',
    'getSourceLine',
    'setSourceLine',
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

/** Runs npm without lifecycle scripts: what is looked at is what was built, not what `prepack` would build. */
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

/** What a built file imports, statically, with import() or from Node itself. */
function importsOf(file: string): string[] {
  const code = readFileSync(join(DIST, file), 'utf8').replaceAll(/^\s*(?:\/\*\*?|\*|\/\/).*$/gm, '');
  const found = code.matchAll(
    /\bfrom ["']([^"']+)["']|^import ["']([^"']+)["']|\b(?:import|require|getBuiltinModule)\(["']([^"']+)["']\)/gm,
  );
  return Array.from(found, ([, from, bare, called]) => (from ?? bare ?? called) as string);
}

/** The modules of the sources that stand in a built file. */
function modulesIn(file: string): string[] {
  const marks = readFileSync(join(DIST, file), 'utf8').matchAll(/^\/\/(?:#region)? (src\/\S+\.ts)$/gm);
  return Array.from(marks, ([, module]) => module as string);
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

/** The declarations that the entries need, and no others: every one that another of them imports. */
function declarationsOf(entries: readonly string[]): string[] {
  const declared = new Set(filesIn(DIST, '.d.ts'));
  const needed = new Set(entries.map((entry) => `${entry}.d.ts`));
  for (const file of needed) {
    expect(declared).toContain(file);
    expect(existsSync(join(SRC, file.replace(/d\.ts$/, 'ts')))).toBe(true);
    for (const [, specifier] of readFileSync(join(DIST, file), 'utf8').matchAll(
      /["'](\.\.?\/[^"']+)\.js["']/g,
    )) {
      needed.add(join(dirname(file), `${specifier}.d.ts`));
    }
  }
  return Array.from(needed, (file) => `dist/${file.split(sep).join('/')}`).toSorted();
}

test.each(Object.entries(NAMES))('gives these names to import and to require (%s)', async (entry, names) => {
  const { import: file } = manifest.exports[entry.replace('apns-streams', '.')];
  const imported = await import(join(ROOT, file.default));
  expect(Object.keys(imported).toSorted()).toEqual(names);
  const required = requireFromHere(entry);
  expect(Object.keys(required).toSorted()).toEqual(names);
  for (const name of names) expect(imported[name]).toBe(required[name]);
});

test('needs no other package', () => {
  for (const kind of ['dependencies', 'peerDependencies', 'optionalDependencies', 'bundleDependencies']) {
    expect(manifest).not.toHaveProperty(kind);
  }
  expect(
    [...filesIn(DIST, '.js'), ...filesIn(DIST, '.mjs')]
      .filter((file) => !file.startsWith('internal/'))
      .toSorted(),
  ).toEqual(PUBLISHED);
  const foreign = PUBLISHED.flatMap((file) =>
    importsOf(file).filter((specifier) => !/^(?:node:|\.\.?\/)/.test(specifier)),
  );
  expect(foreign).toEqual([]);
});

test('keeps the simulator and the command out of the main entry', () => {
  const files = [...reach('index.js')].filter((file) => !file.startsWith('node:'));
  expect(files.toSorted()).toEqual(['chunks/main.js', 'chunks/protocol.js', 'index.js']);
  const modules = files.flatMap(modulesIn);
  expect(modules).toContain('src/sinks/binary-sink.ts');
  expect(modules.filter((module) => /^src\/(?:simulator|cli)\//.test(module))).toEqual([]);
});

test('has every module of the sources in one file only, so that its classes are one', () => {
  const modules = PUBLISHED.flatMap(modulesIn);
  expect(modules).toEqual([...new Set(modules)]);
  expect(modules).toContain('src/core/errors.ts');
});

test('gives every entry the same ApnsError', async () => {
  const { ApnsError } = await import(join(DIST, 'index.js'));
  const { decodeFrame } = await import(join(DIST, 'protocol/index.js'));
  const { createSimulator } = await import(join(DIST, 'simulator/index.js'));
  expect(() => decodeFrame(Buffer.of(9, 0, 0, 0, 0))).toThrow(ApnsError);
  await expect(createSimulator({ nonsense: true })).rejects.toBeInstanceOf(ApnsError);
});

test.each(['protocol', 'main', 'simulator', 'command'])('keeps the names of classes (%s)', async (chunk) => {
  const exported: Record<string, unknown> = await import(join(DIST, 'chunks', `${chunk}.js`));
  const classes = Object.entries(exported).filter(
    ([name, value]) => typeof value === 'function' && /^[A-Z]/.test(name),
  );
  expect(classes.length).toBeGreaterThan(2);
  for (const [name, value] of classes) expect((value as { name: string }).name).toBe(name);
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

/** Every file of the tarball. */
function packedFiles(): string[] {
  const [{ files }] = JSON.parse(npm(ROOT, 'pack', '--dry-run', '--json'));
  return (files as { path: string }[]).map(({ path }) => path);
}

test('packs what was built from the sources, the documentation, the examples, and nothing else', () => {
  const packed = packedFiles();
  const documentation = [
    ...['.md', '.svg']
      .flatMap((ending) => filesIn(join(ROOT, 'docs'), ending))
      .filter((file) => !file.startsWith('internals/'))
      .map((file) => `docs/${file}`),
    ...['.md', '.mjs', '.ndjson']
      .flatMap((ending) => filesIn(join(ROOT, 'examples'), ending))
      .map((file) => `examples/${file}`),
  ];
  const pages = ['ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'README.md', 'SECURITY.md'];
  const others = [...pages, 'LICENSE', 'package.json'];
  const declarations = packed.filter((file) => file.endsWith('.d.ts'));
  const wrappers = ['index', 'protocol/index', 'simulator/index'].map((entry) => `dist/${entry}.d.mts`);
  const code = [...PUBLISHED.map((file) => `dist/${file}`), ...wrappers, 'dist/package.json'];
  expect(packed.toSorted()).toEqual([...code, ...declarations, ...documentation, ...others].toSorted());
  expect(declarations.toSorted()).toEqual(declarationsOf(['index', 'protocol/index', 'simulator/index']));
});

test.each(Object.keys(NAMES))('says what every name means, of values as of types (%s)', (entry) => {
  const { types } = manifest.exports[entry.replace('apns-streams', '.')];
  const index = join(ROOT, types);
  const exported = readFileSync(index, 'utf8').matchAll(
    /^export (?:type )?\{([^}]*)\} from '([^']+)\.js';/gm,
  );
  const silent = Array.from(exported, ([, names, from]) => {
    const declarations = readFileSync(join(dirname(index), `${from}.d.ts`), 'utf8');
    return (names as string).split(',').map((text) => {
      const name = text
        .trim()
        .replace(/^type /, '')
        .replace(/ as .*/, '');
      const declared = String.raw`^export (?:declare )?(?:type|interface|class|function|const) ${name}\b`;
      return name === '' || new RegExp(String.raw`\*/\n${declared}`, 'm').test(declarations) ? [] : name;
    });
  });
  expect(silent.flat(2)).toEqual([]);
});

test('packs every file that a page in the package links to', () => {
  const packed = new Set(packedFiles());
  const links = [...packed]
    .filter((file) => file.endsWith('.md'))
    .flatMap((page) =>
      Array.from(readFileSync(join(ROOT, page), 'utf8').matchAll(/\]\((?!\w+:)([^)#]+)/g), ([, target]) =>
        join(dirname(page), target!),
      ),
    );
  expect(links.length).toBeGreaterThan(50);
  expect(links.filter((file) => !packed.has(file.split(sep).join('/')))).toEqual([]);
});

test('installs its command and its examples from the tarball', () => {
  const folder = mkdtempSync(join(tmpdir(), 'apns-streams-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  npm(ROOT, 'pack', '--silent', '--pack-destination', folder);
  npm(folder, 'install', `./apns-streams-${manifest.version}.tgz`);
  const command = join(folder, 'node_modules', '.bin', 'apns-streams');
  expect(execFileSync(command, ['--version'], { encoding: 'utf8' })).toBe(`${manifest.version}\n`);
  const example = join(folder, 'node_modules', 'apns-streams', 'examples', 'send-one.mjs');
  expect(execFileSync(process.execPath, [example], { encoding: 'utf8' })).toMatch(/^accepted/);
});
