// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// Tokens for tests, good and bad, made without any code of ours.
import { createHmac, sign } from 'node:crypto';
import { cpus, loadavg } from 'node:os';

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

export const nowS = () => Math.floor(Date.now() / 1000);

// The `exp` of a token that ends soon, but not before a machine as busy as this one has made use of it.
export const soonS = (leastS = 2) => nowS() + leastS + Math.ceil(Math.min(loadavg()[0] / cpus().length, 10));

// A token signed with HS256. `claims` go over the defaults: an hour to live.
export function mint(secret, claims, header = {}) {
  const body = { exp: nowS() + 3600, ...claims };
  const text = `${encode({ alg: 'HS256', typ: 'JWT', ...header })}.${encode(body)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

// A token signed with a private key: RS256, or EdDSA where that is the key's kind.
export function mintWithKey(privateKey, claims, header = {}) {
  const isEd = privateKey.asymmetricKeyType === 'ed25519';
  const body = { exp: nowS() + 3600, ...claims };
  const text = `${encode({ alg: isEd ? 'EdDSA' : 'RS256', ...header })}.${encode(body)}`;
  const signature = sign(isEd ? null : 'sha256', Buffer.from(text), privateKey);
  return `${text}.${signature.toString('base64url')}`;
}

export function mintUnsigned(claims) {
  return `${encode({ alg: 'none' })}.${encode({ exp: nowS() + 3600, ...claims })}.`;
}

// The relay's introduction of a client (docs/protocol.md, CONNECT).
export function introduce(serviceSecret, { face = 'ws', address, agent, clientId, username = '' }) {
  const who = `rw1 ${face} ${address} ${agent ? Buffer.from(agent).toString('base64url') : '-'}`;
  const mac = createHmac('sha256', serviceSecret).update(`${who} ${clientId}`).digest('hex').slice(0, 32);
  return `${who} ${mac} ${username}`;
}
