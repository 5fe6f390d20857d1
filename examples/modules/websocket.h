/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parts of a WebSocket server that need no connection: the key of the handshake, heads of frames, and UTF-8 (RFC 6455, RFC 3629). */
#ifndef WEBSOCKET_H
#define WEBSOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { WS_CONTINUATION, WS_TEXT, WS_BINARY, WS_CLOSE = 8, WS_PING, WS_PONG };
enum { WS_GOING_AWAY = 1001, WS_PROTOCOL_ERROR = 1002, WS_NOT_UTF8 = 1007 }; /* reasons of a close */

/* The frame that arrives, and the message of which it is a part. Begins as zeros. */
struct ws {
	bool in_frame;           /* its head has come, and its payload has to come */
	bool fin;
	uint8_t opcode;
	uint8_t message;         /* WS_TEXT or WS_BINARY; 0: none is under way */
	bool first;              /* no payload of the message has come */
	uint8_t mask[4];
	uint8_t masked;          /* position in mask */
	uint64_t left;           /* bytes of the payload that have not come */
	uint8_t more, low, high; /* UTF-8: octets of the character that have to come, and the limits of the next one */
};

/* A piece of a message, or a control frame. */
struct ws_piece {
	uint8_t opcode;  /* WS_TEXT or WS_BINARY begins a message, WS_CONTINUATION goes on; WS_PING; WS_CLOSE; WS_PONG: to be ignored */
	bool fin;        /* the message ends */
	uint16_t reason; /* with which WS_CLOSE is answered; 0: none */
	const uint8_t *at;
	uint32_t len;
};

static inline uint32_t ws_rotate(uint32_t value, unsigned bits)
{
	return value << bits | value >> (32 - bits);
}

static inline void ws_sha1_block(uint32_t hash[5], const uint8_t block[64])
{
	static const uint32_t constant[] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6 };
	uint32_t word[80], a = hash[0], b = hash[1], c = hash[2], d = hash[3], e = hash[4];

	for (unsigned i = 0; i < 16; i++)
		word[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (unsigned i = 16; i < 80; i++)
		word[i] = ws_rotate(word[i - 3] ^ word[i - 8] ^ word[i - 14] ^ word[i - 16], 1);
	for (unsigned i = 0; i < 80; i++) {
		const uint32_t mixed = i < 20 ? (b & c) | (~b & d) : i < 40 || i >= 60 ? b ^ c ^ d : (b & c) | (b & d) | (c & d);
		const uint32_t next = ws_rotate(a, 5) + mixed + e + constant[i / 20] + word[i];

		e = d;
		d = c;
		c = ws_rotate(b, 30);
		b = a;
		a = next;
	}
	hash[0] += a;
	hash[1] += b;
	hash[2] += c;
	hash[3] += d;
	hash[4] += e;
}

/* Writes Sec-WebSocket-Accept for the key of a client: SHA-1 of the key and a constant, in base64. Returns false if it is no key. */
static inline bool ws_accept(const char *key, size_t len, char accept[29])
{
	static const char constant[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t hash[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
	uint8_t text[128] = { 0 }, octet[21] = { 0 };

	if (len != 24 || memcmp(key + 22, "==", 2) != 0)
		return false;
	memcpy(text, key, 24);
	memcpy(text + 24, constant, 36);
	text[60] = 0x80;
	text[126] = 60 * 8 >> 8; /* bits */
	text[127] = 60 * 8 & 255;
	ws_sha1_block(hash, text);
	ws_sha1_block(hash, text + 64);
	for (unsigned i = 0; i < 20; i++)
		octet[i] = (uint8_t)(hash[i / 4] >> (24 - 8 * (i % 4)));
	for (unsigned i = 0; i < 7; i++) {
		const uint32_t bits = (uint32_t)octet[3 * i] << 16 | (uint32_t)octet[3 * i + 1] << 8 | octet[3 * i + 2];

		for (unsigned j = 0; j < 4; j++)
			accept[4 * i + j] = digit[bits >> (18 - 6 * j) & 63];
	}
	accept[27] = '=';
	accept[28] = '\0';
	return true;
}

/* True if a frame may be next: a client masks all of them, a control frame is whole and short, and a message ends before the next one. */
static inline bool ws_frame_permitted(const struct ws *ws, const uint8_t *at)
{
	const uint8_t opcode = at[0] & 0x0f;

	if ((at[0] & 0x70) != 0 || (at[1] & 0x80) == 0)
		return false;
	if (opcode >= WS_CLOSE)
		return opcode <= WS_PONG && (at[0] & 0x80) != 0 && (at[1] & 0x7f) <= 125;
	return opcode <= WS_BINARY && (opcode == WS_CONTINUATION) == (ws->message != 0);
}

/* Reads the head of a frame. Returns its bytes; 0: it is not whole; -1: it breaks the protocol. */
static inline int ws_read_head(struct ws *ws, const uint8_t *at, uint32_t len)
{
	uint32_t size;

	if (len < 2)
		return 0;
	if (!ws_frame_permitted(ws, at))
		return -1;
	ws->left = at[1] & 0x7f;
	size = ws->left < 126 ? 0 : ws->left == 126 ? 2 : 8;
	if (len < 2 + size + 4)
		return 0;
	for (uint32_t i = 0; i < size; i++)
		ws->left = (i == 0 ? 0 : ws->left << 8) | at[2 + i];
	if (ws->left >> 63 != 0 || (size == 2 && ws->left < 126) || (size == 8 && ws->left < 65536))
		return -1;
	ws->fin = (at[0] & 0x80) != 0;
	ws->opcode = at[0] & 0x0f;
	ws->masked = 0;
	memcpy(ws->mask, at + 2 + size, 4);
	ws->in_frame = true;
	if (ws->opcode == WS_TEXT || ws->opcode == WS_BINARY) {
		ws->message = ws->opcode;
		ws->first = true;
		ws->more = 0;
	}
	return (int)(2 + size + 4);
}

/* True if text goes on as UTF-8. end: the text ends here. */
static inline bool ws_is_text(struct ws *ws, const uint8_t *at, uint32_t len, bool end)
{
	for (uint32_t i = 0; i < len; i++) {
		const uint8_t octet = at[i];

		if (ws->more > 0) {
			if (octet < ws->low || octet > ws->high)
				return false;
			ws->more--;
			ws->low = 0x80;
			ws->high = 0xbf;
		} else if (octet >= 0x80) {
			if (octet < 0xc2 || octet > 0xf4)
				return false;
			ws->more = octet < 0xe0 ? 1 : octet < 0xf0 ? 2 : 3;
			ws->low = octet == 0xe0 ? 0xa0 : octet == 0xf0 ? 0x90 : 0x80;
			ws->high = octet == 0xed ? 0x9f : octet == 0xf4 ? 0x8f : 0xbf;
		}
	}
	return !end || ws->more == 0;
}

/* Returns the reason with which a close frame is answered, from its payload; 0: it has none. */
static inline uint16_t ws_close_reason(const uint8_t *at, uint32_t len)
{
	const uint16_t reason = len >= 2 ? (uint16_t)(at[0] << 8 | at[1]) : 0;
	struct ws text = { .left = 0 };

	if (len == 0)
		return 0;
	if (reason < 1000 || (reason >= 1004 && reason <= 1006) || (reason >= 1015 && reason < 3000) || reason >= 5000)
		return WS_PROTOCOL_ERROR;
	return ws_is_text(&text, at + 2, len - 2, true) ? reason : WS_NOT_UTF8;
}

/* Fills in the piece of the payload, len bytes, which it unmasks. */
static inline void ws_fill(struct ws *ws, uint8_t *at, uint32_t len, struct ws_piece *piece)
{
	for (uint32_t i = 0; i < len; i++)
		at[i] ^= ws->mask[ws->masked++ & 3];
	ws->left -= len;
	ws->in_frame = ws->left > 0;
	*piece = (struct ws_piece){ .opcode = ws->opcode, .fin = ws->fin && !ws->in_frame, .at = at, .len = len };
	if (ws->opcode == WS_CLOSE)
		piece->reason = ws_close_reason(at, len);
	if (ws->opcode > WS_BINARY)
		return;
	piece->opcode = ws->first ? ws->message : WS_CONTINUATION;
	if (ws->message == WS_TEXT && !ws_is_text(ws, at, len, piece->fin))
		*piece = (struct ws_piece){ .opcode = WS_CLOSE, .reason = WS_NOT_UTF8 };
	ws->first = false;
	if (piece->fin)
		ws->message = 0;
}

/* Takes the next piece from len bytes at at. Returns the bytes used; 0: more of them are needed. */
static inline uint32_t ws_take(struct ws *ws, uint8_t *at, uint32_t len, struct ws_piece *piece)
{
	const int head = ws->in_frame ? 0 : ws_read_head(ws, at, len);
	uint32_t size;

	*piece = (struct ws_piece){ .opcode = head < 0 ? WS_CLOSE : WS_PONG, .reason = WS_PROTOCOL_ERROR };
	if (head < 0)
		return len;
	size = len - (uint32_t)head;
	if (!ws->in_frame || size < (ws->opcode >= WS_CLOSE ? ws->left : ws->left > 0)) /* a control frame is taken whole */
		return (uint32_t)head;
	size = size < ws->left ? size : (uint32_t)ws->left;
	ws_fill(ws, at + head, size, piece);
	return (uint32_t)head + size;
}

/* Writes a frame of the server, whose payload has less than 65536 bytes: 4 bytes more at most. Returns its bytes. */
static inline uint32_t ws_write(uint8_t *to, bool fin, uint8_t opcode, const uint8_t *data, uint32_t len)
{
	const uint32_t head = len < 126 ? 2 : 4;

	to[0] = (uint8_t)((fin ? 0x80 : 0) | opcode);
	to[1] = (uint8_t)(len < 126 ? len : 126);
	to[2] = (uint8_t)(len >> 8);
	to[3] = (uint8_t)(len & 255);
	if (len > 0)
		memmove(to + head, data, len);
	return head + len;
}

/* Writes a close frame, 4 bytes at most. Returns its bytes. */
static inline uint32_t ws_write_close(uint8_t *to, uint16_t reason)
{
	const uint8_t octets[] = { (uint8_t)(reason >> 8), (uint8_t)(reason & 255) };

	return ws_write(to, true, WS_CLOSE, octets, reason != 0 ? 2 : 0);
}

#endif
