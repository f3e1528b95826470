// Prints whether both have the same ApnsError, in an ES module.
import { createRequire } from 'node:module';
import { ApnsError } from 'apns-streams';
import { decodeFrame } from 'apns-streams/protocol';

const require = createRequire(import.meta.url);
console.log(require('apns-streams').ApnsError === ApnsError);
try {
  decodeFrame(Buffer.of(9, 0, 0, 0, 0));
} catch (error) {
  console.log(error instanceof require('apns-streams').ApnsError);
}
