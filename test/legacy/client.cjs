// A legacy client, unmodified, in a process of its own.
//
// node client.cjs NAME deliver|feedback, with { gateway, feedback, credentials, notifications } as JSON on
// stdin. Prints a line of JSON for each rejection and each device that the feedback service lists, and runs
// until it is killed.
'use strict';
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { json } = require('node:stream/consumers');
const tls = require('node:tls');

const clients = {
  apn: {
    deliver({ gateway, secrets, notifications }) {
      const apn = require('apn');
      const { ca, cert, key } = secrets;
      const connection = new apn.Connection({
        address: gateway.host,
        port: gateway.port,
        ca: [ca],
        cert,
        key,
      });
      connection.on('transmissionError', (statusCode, _, device) => {
        report({ deviceToken: device.toString(), statusCode });
      });
      connection.on('socketError', fail).on('error', fail);
      for (const { deviceToken, payload, expiration, priority } of notifications) {
        const notification = new apn.Notification(payload);
        notification.expiry = expiration;
        notification.priority = priority;
        connection.pushNotification(notification, new apn.Device(deviceToken));
      }
    },
    feedback({ feedback, secrets }) {
      const apn = require('apn');
      const { ca, cert, key } = secrets;
      const options = { address: feedback.host, port: feedback.port, ca: [ca], cert, key, interval: 3600 };
      const reader = new apn.Feedback(options);
      reader.on('feedbackError', fail).on('error', fail);
      reader.on('feedback', (devices) => {
        for (const { time, device } of devices) report({ deviceToken: device.toString(), timestamp: time });
      });
    },
  },
  apnagent: {
    deliver({ gateway, secrets, notifications }) {
      const { Agent } = require('apnagent');
      redirectTo(gateway);
      const agent = new Agent();
      for (const name of ['ca', 'cert', 'key']) agent.set(name, secrets[name]);
      agent.set('reconnect delay', '10ms');
      agent.on('message:error', (error, message) => {
        report({ deviceToken: message.meta.device.toString(), statusCode: error.code });
      });
      agent.on('gateway:error', fail).on('queue:error', fail);
      agent.connect(() => {
        for (const { deviceToken, payload, expiration } of notifications) {
          const message = agent.createMessage().device(deviceToken).alert(payload.aps.alert);
          message.expires(expiration).send();
        }
      });
    },
    feedback({ feedback, secrets }) {
      const { Feedback } = require('apnagent');
      redirectTo(feedback);
      const reader = new Feedback();
      for (const name of ['ca', 'cert', 'key']) reader.set(name, secrets[name]);
      reader.on('feedback:error', fail);
      reader.on('device', (device, time) => {
        report({ deviceToken: device.toString(), timestamp: time.getTime() / 1000 });
      });
      reader.connect();
    },
  },
};

/** apnagent has Apple's addresses built in, so the way there is turned aside instead of the client. */
function redirectTo({ host, port }) {
  const { connect } = tls;
  tls.connect = (options, onSecure) => connect({ ...options, host, port }, onSecure);
}

function report(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function fail(error) {
  throw error;
}

async function main([name, task]) {
  const { credentials, ...input } = await json(process.stdin);
  const read = (file) => readFileSync(join(credentials, file), 'utf8');
  const secrets = { ca: read('ca.pem'), cert: read('client-cert.pem'), key: read('client-key.pem') };
  clients[name][task]({ ...input, secrets });
}

main(process.argv.slice(2));
