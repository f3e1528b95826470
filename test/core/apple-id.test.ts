import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { withProviderKey } from '../../src/cli/credentials/credential-files.js';
import { SEND_OPTIONS, type SendValues } from '../../src/cli/send/send-options.js';
import { APPLE_ID_FORM, appleIdProblem } from '../../src/core/apple-id.js';
import { readCredentials } from '../../src/simulator/pki/credentials.js';

it.each([
  ['ABC123DEFG', undefined],
  ['abc123defg', undefined],
  ['ABC123DEF', 'got 9 characters'],
  ['', 'got an empty string'],
  ['../AAAAAAA', 'got another character'],
  ['ABC123DEF\n', 'got another character'],
])('%j is an id: %s', (id, problem) => {
  expect(appleIdProblem(id)).toBe(problem === undefined ? undefined : `must be ${APPLE_ID_FORM}, ${problem}`);
});

it('the command and the simulator word the form of an id alike', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'apns-streams-test-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const index = { keyId: 'ABC', teamId: 'DEF123GHIJ', topic: 'com.example.app' };
  await writeFile(join(directory, 'credentials.json'), JSON.stringify(index));
  const message = expect.objectContaining({ message: expect.stringContaining(APPLE_ID_FORM) });
  await expect(withProviderKey({ auth: 'token', credentials: directory } as SendValues)).rejects.toEqual(
    message,
  );
  for (const name of ['key-id', 'team-id'] as const) expect(SEND_OPTIONS[name].help).toContain(APPLE_ID_FORM);
  await expect(readCredentials(directory)).rejects.toEqual(message);
});
