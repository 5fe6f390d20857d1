// SPDX-License-Identifier: GPL-2.0-or-later
// An application as an upstream server of TUX, of Node.js alone: node app.js PORT|PATH
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');

// What a client sends goes back as it comes.
function echo(request, response) {
	response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'X-Coding': request.headers['transfer-encoding'] || 'none' });
	request.pipe(response);
}

// Tells after each part of a body how much has come, while the rest is on its way.
function progress(request, response) {
	let size = 0;
	response.writeHead(200, { 'Content-Type': 'text/plain' });
	request.on('data', (data) => { size += data.length; response.write(size + '\n'); });
	request.on('end', () => response.end('end ' + size + '\n'));
}

// Server-sent events, until the client has gone.
function events(request, response) {
	let count = 0;
	response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
	const timer = setInterval(() => response.write('id: ' + count + '\ndata: event ' + count++ + '\n\n'), 150);
	request.on('close', () => { clearInterval(timer); gone++; });
}

let gone = 0;

const server = http.createServer((request, response) => {
	const path = request.url.split('?')[0];
	if (path === '/app/echo')
		echo(request, response);
	else if (path === '/app/progress')
		progress(request, response);
	else if (path === '/app/events')
		events(request, response);
	else if (path === '/app/gone')
		response.end(String(gone));
	else if (path === '/app/fields')
		response.end(JSON.stringify({ method: request.method, url: request.url, fields: request.rawHeaders }));
	else if (path === '/app/early')
		response.writeEarlyHints({ link: '</style.css>; rel=preload' }, () => response.end('late'));
	else
		response.writeHead(404).end('no such page\n');
});

// A frame of WebSocket (RFC 6455 5.2) at the start of data; null while it is not whole.
function parseFrame(data) {
	if (data.length < 2)
		return null;
	let length = data[1] & 127, at = 2;
	if (length === 126) {
		if (data.length < 4)
			return null;
		length = data.readUInt16BE(2);
		at = 4;
	} else if (length === 127) {
		if (data.length < 10)
			return null;
		length = Number(data.readBigUInt64BE(2));
		at = 10;
	}
	if (data.length < at + 4 + length)
		return null;
	const mask = data.subarray(at, at + 4), payload = Buffer.from(data.subarray(at + 4, at + 4 + length));
	for (let i = 0; i < length; i++)
		payload[i] ^= mask[i & 3];
	return { opcode: data[0] & 15, payload, used: at + 4 + length };
}

function makeFrame(opcode, payload) {
	const head = Buffer.alloc(payload.length < 126 ? 2 : payload.length < 65536 ? 4 : 10);
	head[0] = 128 | opcode;
	head[1] = payload.length < 126 ? payload.length : payload.length < 65536 ? 126 : 127;
	if (head.length === 4)
		head.writeUInt16BE(payload.length, 2);
	else if (head.length === 10)
		head.writeBigUInt64BE(BigInt(payload.length), 2);
	return Buffer.concat([head, payload]);
}

server.on('upgrade', (request, socket, first) => {
	const key = request.headers['sec-websocket-key'];
	let data = first;
	if ((request.headers.upgrade || '').toLowerCase() !== 'websocket' || !key) {
		socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
		return;
	}
	const accept = crypto.createHash('sha1').update(key + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
	socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ' + accept + '\r\n\r\n');
	socket.write(makeFrame(1, Buffer.from('welcome')));
	const take = () => {
		for (let frame = parseFrame(data); frame; frame = parseFrame(data)) {
			data = data.subarray(frame.used);
			if (frame.opcode === 8)
				socket.end(makeFrame(8, frame.payload));
			else
				socket.write(makeFrame(frame.opcode === 9 ? 10 : frame.opcode, frame.payload));
		}
	};
	socket.on('data', (more) => { data = Buffer.concat([data, more]); take(); });
	socket.on('error', () => socket.destroy());
	take();
});

const where = process.argv[2];
server.listen(/^\d+$/.test(where) ? { port: Number(where), host: '127.0.0.1' } : { path: where }, () => {
	if (!/^\d+$/.test(where))
		fs.chmodSync(where, 0o777);
});
