// SPDX-License-Identifier: MIT
// A room as a stateless function: what is said in the room `say` is heard in `lobby`, where it is
// also told who comes and who goes.  PORT=9000 HOOK_SECRET=... node broadcast.mjs
//
//   webhook_connect = http://127.0.0.1:9000/
//   webhook_disconnect = http://127.0.0.1:9000/
//   webhook_message = http://127.0.0.1:9000/
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'

const secret = Buffer.from(process.env.HOOK_SECRET)

function isSigned({ headers }, body) {
  const text = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
  const mine = Buffer.from(`v1,${createHmac('sha256', secret).update(text).digest('base64')}`)
  const theirs = Buffer.from(headers['webhook-signature'] ?? '')
  return mine.length === theirs.length && timingSafeEqual(mine, theirs)
}

function toldInLobby({ type, context, message }) {
  if (type === 'connect') return `${context.principal} joined`
  if (type === 'disconnect') return `${context.principal} left`
  return message.room === 'say' && message.text ? `${message.name ?? message.from}: ${message.text}` : null
}

const server = createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += chunk
  if (!isSigned(request, body)) return response.writeHead(400).end()
  const text = toldInLobby(JSON.parse(body))
  response.writeHead(200, { 'Content-Type': 'application/json' })
  response.end(JSON.stringify(text ? { publish: { room: 'lobby', text } } : {}))
})
server.listen(Number(process.env.PORT ?? 9000), '127.0.0.1', () => console.log('ready', server.address().port))
