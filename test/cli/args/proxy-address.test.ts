import { describe, expect, it } from 'vitest';
import { noteOfUnusedProxy } from '../../../src/cli/args/proxy-address.js';
import { run } from '../../../src/cli/run.js';
import { FakeIo } from '../fake-io.js';

const PROXY = { HTTPS_PROXY: 'http://alice:hunter2@proxy.example:3128' };

describe('noteOfUnusedProxy', () => {
  it.each<[string, Record<string, string>]>([
    ['production', PROXY],
    ['https://gateway.example:443', PROXY],
    ['gateway.example', { https_proxy: 'http://proxy.example' }],
    ['https://gateway.example', { ...PROXY, NO_PROXY: 'other.example, ,example.org' }],
    ['https://gateway.example', { ...PROXY, NO_PROXY: 'way.example' }],
  ])('speaks of a proxy that is not used for %s', (target, env) => {
    const note = noteOfUnusedProxy(target, env);
    expect(note).toMatch(/^https_proxy is set but is not used: .*--proxy/i);
    expect(note).not.toMatch(/hunter2|proxy\.example/);
  });

  it.each<[string, Record<string, string>]>([
    ['production', {}],
    ['production', { HTTPS_PROXY: '' }],
    ['simulator:http2', PROXY],
    ['binary://127.0.0.1:2195', PROXY],
    ['https://localhost', PROXY],
    ['https://[::1]:8443', PROXY],
    ['https://gateway.example', { ...PROXY, NO_PROXY: '*' }],
    ['https://gateway.example:443', { ...PROXY, NO_PROXY: 'a,gateway.example' }],
    ['https://gateway.example', { ...PROXY, no_proxy: '.example' }],
  ])('is silent for %s where there is nothing to say', (target, env) => {
    expect(noteOfUnusedProxy(target, env)).toBeUndefined();
  });
});

it('send says once that HTTPS_PROXY is not used, and nothing with --proxy', async () => {
  const argv = ['send', '--to', 'binary://gateway.example', '--dry-run', '--quiet'];
  const stdin = '{"deviceToken":"aa","payload":{}}\n';
  const io = new FakeIo({ env: PROXY, stdin });
  expect(await run(argv, io)).toBe(0);
  expect(io.err).toBe(
    'apns-streams: note: HTTPS_PROXY is set but is not used: to use that proxy, give --proxy http://HOST:PORT\n',
  );
  const other = new FakeIo({ env: PROXY, stdin });
  expect(await run([...argv, '--proxy', 'http://127.0.0.1:1'], other)).toBe(0);
  expect(other.err).toBe('');
});
