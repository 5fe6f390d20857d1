// SPDX-License-Identifier: GPL-2.0-or-later
// What llhttp makes of requests, as built into Node.js and with no leniency: the other side of the comparison.
// Reads and answers as tux.c does, and as a last line says which llhttp it is.
'use strict';
const { HTTPParser, methods } = require('_http_common');

const HEAD_MAX = 1 << 30; // so that no limit of Node.js comes into play, only those of TUX
const PROBE_MAX = 1 << 20; // bytes of content up to which a length is measured, not read

// A parser and what it has told of its first message.
function start() {
	const parser = new HTTPParser();
	const seen = { target: '', fields: [], head: false, done: false, contentBytes: 0 };
	parser[HTTPParser.kOnHeaders | 0] = (fields, target) => {
		if (!seen.head) { // else it is a trailer section
			seen.fields.push(...fields);
			seen.target += target;
		}
	};
	parser[HTTPParser.kOnHeadersComplete | 0] = (major, minor, fields, method, target) => {
		if (fields)
			seen.fields.push(...fields);
		Object.assign(seen, { head: true, minor, method, target: seen.target + (target ?? '') });
	};
	parser[HTTPParser.kOnBody | 0] = (content) => { seen.contentBytes += content.length; };
	parser[HTTPParser.kOnMessageComplete | 0] = () => { seen.done = true; };
	parser.initialize(HTTPParser.REQUEST, {}, HEAD_MAX, 0);
	return { parser, seen };
}

// Octet by octet, for llhttp does not tell offsets: the first octet after which something is known is its end.
function read(input) {
	const { parser, seen } = start();
	const end = { head: 0, error: null, seen };
	let i = 0;
	while (i < input.length && !seen.done && !end.error) {
		const inHead = !seen.head;
		const result = parser.execute(input.subarray(i, i + 1));
		if (result instanceof Error) {
			end.error = result.code;
			// It judges the framing only after it has told of the head.
			seen.head &&= !inHead;
		} else {
			i++;
			if (seen.head && inHead)
				end.head = i;
		}
	}
	end.message = i;
	return end;
}

// Framing, from what llhttp does with octets behind the head that are neither hexadecimal nor white space.
function framing(head, fields) {
	const { parser, seen } = start();
	const filler = Buffer.alloc(1 << 16, 'Z');
	let result = parser.execute(head);
	if (seen.done)
		return 'length 0';
	for (let i = 0; i < PROBE_MAX && !seen.done && !(result instanceof Error); i += filler.length)
		result = parser.execute(filler);
	if (seen.done)
		return `length ${seen.contentBytes}`;
	if (result instanceof Error)
		return result.code === 'HPE_INVALID_CHUNK_SIZE' ? 'chunked' : result.code;
	const line = fields.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === 'content-length');
	return line < 0 ? 'until close' : `length ${BigInt(fields[line + 1])}`;
}

// Numbers of methods differ between versions and are no indices in all of them.
const methodNames = new Map();
for (const name of [...methods, 'QUERY']) {
	const { parser, seen } = start();
	parser.execute(Buffer.from(`${name} ${name === 'CONNECT' ? 'a:1' : '/'} HTTP/1.1\r\n\r\n`));
	if (seen.head)
		methodNames.set(seen.method, name);
}

const hex = (text) => Buffer.from(text, 'latin1').toString('hex');

function answer(input) {
	const { head, message, error, seen } = read(input);
	if (!seen.head)
		return [error ? 'refused' : 'more', '', error ?? ''].join('\t');
	let fields = '';
	for (let i = 0; i < seen.fields.length; i += 2)
		fields += `${hex(seen.fields[i])}:${hex(seen.fields[i + 1])},`;
	return ['accepted', seen.done ? 'accepted' : error ? 'refused' : 'more', error ?? '', head, message, seen.minor,
		framing(input.subarray(0, head), seen.fields), seen.contentBytes,
		hex(methodNames.get(seen.method) ?? `?${seen.method}`), hex(seen.target), fields].join('\t');
}

const all = require('fs').readFileSync(0);
const lines = [];
for (let off = 0; off < all.length;) {
	const len = all.readUInt32LE(off);
	lines.push(answer(all.subarray(off + 4, off + 4 + len)));
	off += 4 + len;
}
lines.push(`llhttp ${process.versions.llhttp} of Node.js ${process.versions.node}`);
process.stdout.write(lines.join('\n') + '\n');
