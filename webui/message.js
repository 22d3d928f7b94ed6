// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// One message as the scripts know it, from both places it comes from:
//   { id, prev, epoch, from, name, date, text, size, type, key }
// `text` is null where the payload is not text. Not how it looks: items.js.

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(bytes) {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return null;
  }
}

function base64Size(data) {
  const padding = data.endsWith('==') ? 2 : Number(data.endsWith('='));
  return (data.length / 4) * 3 - padding;
}

// Now, if the stamp does not say when.
function dateOf(stamp) {
  const date = new Date(Number(stamp['rw-ts']));
  return (Number.isNaN(date.getTime()) ? new Date() : date).toISOString();
}

// From the JSON of a history page.
export function fromJson(json) {
  const isText = typeof json.text === 'string';
  return {
    id: json.id,
    prev: json.prev,
    epoch: json.epoch,
    from: json.from,
    name: json.name ?? '',
    date: json.date,
    text: isText ? json.text : null,
    size: isText ? json.text.length : base64Size(json.data ?? ''),
    type: json.type ?? '',
    key: '',
  };
}

// From what was sent to this client alone: { from, date, text, size, type }. It is in no room.
export function fromDirect(payload, properties = {}) {
  const stamp = properties.userProperties ?? {};
  return {
    from: stamp['rw-from'] ?? '',
    date: dateOf(stamp),
    text: decode(payload),
    size: payload.length,
    type: properties.contentType ?? '',
  };
}

// From a live MQTT message; null if it bears no stamp.
export function fromMqtt(payload, properties = {}) {
  const stamp = properties.userProperties ?? {};
  const id = Number(stamp['rw-id']);
  if (!Number.isSafeInteger(id) || id <= 0) return null;
  return {
    id,
    prev: Number(stamp['rw-prev']),
    epoch: stamp['rw-epoch'],
    from: stamp['rw-from'],
    name: stamp['rw-name'] ?? '',
    date: dateOf(stamp),
    text: decode(payload),
    size: payload.length,
    type: properties.contentType ?? '',
    // The same name sent twice would come as an array.
    key: typeof stamp.key === 'string' ? stamp.key : '',
  };
}
