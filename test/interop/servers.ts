/** How each server is told to answer POST /3/device/…, and to be difficult about it. */
import { type ForeignServer, type ServerPlace, startForeignServer } from './foreign-server.js';

/** What a server is to do. */
export interface Manner {
  /** What it answers. */
  readonly status: 200 | 404 | 405;
  /** Streams at a time, on one connection. */
  readonly streams?: number;
  /** Requests until it says GOAWAY. */
  readonly requests?: number;
}

/** nghttpd, of nghttp2: knows no file, or sends back what it was sent. */
export function startNghttpd({ status, streams = 100 }: Manner, ...more: string[]): Promise<ForeignServer> {
  return startForeignServer('nghttpd', ({ folder, port, key, cert }) => [
    ...['-a', '127.0.0.1', '-d', folder, '-m', `${streams}`],
    ...(status === 200 ? ['--echo-upload'] : []),
    ...more,
    ...[`${port}`, key, cert],
  ]);
}

export function startNginx({ status, streams = 128, requests = 1000 }: Manner): Promise<ForeignServer> {
  const config = ({ folder, port, cert, key }: ServerPlace): string => `
    daemon off;
    master_process off;
    pid ${folder}/pid;
    error_log stderr;
    events {}
    http {
      access_log off;
      client_body_temp_path ${folder}/body;
      proxy_temp_path ${folder}/proxy;
      fastcgi_temp_path ${folder}/fastcgi;
      uwsgi_temp_path ${folder}/uwsgi;
      scgi_temp_path ${folder}/scgi;
      server {
        listen 127.0.0.1:${port} ssl http2;
        ssl_certificate ${cert};
        ssl_certificate_key ${key};
        http2_max_concurrent_streams ${streams};
        keepalive_requests ${requests};
        location / { return ${status}; }
      }
    }`;
  return startForeignServer('nginx', (place) => [
    '-p',
    place.folder,
    '-c',
    place.write('nginx.conf', config(place)),
  ]);
}

export function startH2o({ status, streams = 100 }: Manner): Promise<ForeignServer> {
  const config = ({ port, cert, key }: ServerPlace): string =>
    JSON.stringify({
      listen: { host: '127.0.0.1', port, ssl: { 'certificate-file': cert, 'key-file': key } },
      'http2-max-concurrent-requests-per-connection': streams,
      'num-threads': 1,
      hosts: {
        default: {
          paths: {
            '/': status === 200 ? { 'mruby.handler': 'Proc.new { [200, {}, []] }' } : { status: 'ON' },
          },
        },
      },
    });
  return startForeignServer('h2o', (place) => ['-c', place.write('h2o.conf', config(place))]);
}

export function startHaproxy({ status, streams = 100 }: Manner): Promise<ForeignServer> {
  const config = ({ port, both }: ServerPlace): string => `
global
  tune.h2.max-concurrent-streams ${streams}
  tune.h2.initial-window-size 100
defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 10s
frontend apns
  bind 127.0.0.1:${port} ssl crt ${both} alpn h2
  http-request return status ${status}
`;
  return startForeignServer('haproxy', (place) => ['-db', '-f', place.write('haproxy.cfg', config(place))]);
}

export function startApache({ status, streams = 100, requests = 0 }: Manner): Promise<ForeignServer> {
  const modules = ['mpm_event', 'authz_core', 'ssl', 'http2', 'rewrite'];
  const config = ({ folder, port, cert, key }: ServerPlace): string => `
ServerRoot "${folder}"
ServerName localhost
PidFile "${folder}/pid"
DefaultRuntimeDir "${folder}"
Mutex posixsem
${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
Listen 127.0.0.1:${port}
ErrorLog "${folder}/error.log"
User daemon
Group daemon
Protocols h2
H2MaxSessionStreams ${streams}
H2WindowSize 1024
MaxKeepAliveRequests ${requests}
SSLEngine on
SSLCertificateFile "${cert}"
SSLCertificateKeyFile "${key}"
RewriteEngine on
RewriteRule ^ - [R=${status},L]
`;
  return startForeignServer('apache2', (place) => ['-X', '-f', place.write('apache.conf', config(place))]);
}
