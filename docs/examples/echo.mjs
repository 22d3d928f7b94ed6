// SPDX-License-Identifier: MIT
// An echo: whoever says something in the room `echo` by MQTT hears it again, with the time, on
// $roomwire/connection, and nobody else does.  PORT=9000 HOOK_SECRET=... node echo.mjs
//
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

function answerTo({ message }) {
  if (message.room !== 'echo' || message.text === undefined) return {}
  return { reply: { text: `${message.date} ${message.text}` } }
}

const server = createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += chunk
  if (!isSigned(request, body)) return response.writeHead(400).end()
  response.writeHead(200, { 'Content-Type': 'application/json' })
  response.end(JSON.stringify(answerTo(JSON.parse(body))))
})
server.listen(Number(process.env.PORT ?? 9000), '127.0.0.1', () => console.log('ready', server.address().port))
