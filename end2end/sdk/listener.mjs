// A small server on loopback that a provider calls back: the twin of listener.py.

import http from 'node:http';
import { eventually } from './simulator.mjs';

/** Lets `use` have a server that answers `replies`, content type and text by path, and elsewhere 204. */
export async function listening(replies, use) {
  const requests = [];
  const server = http.createServer((request, response) => {
    let body = '';
    request.on('data', (part) => (body += part));
    request.on('end', () => {
      const url = `${listener.base}${request.url}`;
      const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded');
      const params = isForm ? Object.fromEntries(new URLSearchParams(body)) : {};
      requests.push({ method: request.method, url, path: new URL(url).pathname, headers: request.headers, params });
      const reply = listener.replies[new URL(url).pathname];
      if (reply) response.writeHead(200, { 'content-type': reply[0] }).end(reply[1]);
      else response.writeHead(204).end();
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const listener = {
    base: `http://127.0.0.1:${server.address().port}`,
    replies,
    requests,
    /** What was asked for at `path`, once it is `count` requests. */
    heard: (path, count = 1) =>
      eventually(() => {
        const found = requests.filter((request) => request.path === path);
        return found.length >= count && found;
      }),
  };
  try {
    await use(listener);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
