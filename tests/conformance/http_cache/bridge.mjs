// Speaks HTTP/1.1 to the suite's client and something else to a node. It passes on what it gets, field by field, stores nothing,
// and leaves out only what belongs to one connection (RFC 9110 7.6.1). SIGTERM ends it well.
//
//   node bridge.mjs tls|h2 HOST PORT NAME AUTHORITY.pem     prints where it listens
//
// tls: HTTP/1.1 over TLS; h2: HTTP/2 over TLS, all exchanges on one connection.
import fs from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'

const [kind, host, port, servername, authority] = process.argv.slice(2)
const trust = { servername, ca: fs.readFileSync(authority) }
const hopByHop = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'])

// Name and value in turn, as node tells raw headers.
function * pairs (raw) {
  for (let i = 0; i < raw.length; i += 2) yield [raw[i].toLowerCase(), raw[i + 1]]
}

// What a server made of a status line it does not know is its own affair: only the code crosses.
function answer (response, status, raw, body) {
  response.sendDate = false
  response.writeHead(status, [...raw].flat())
  body.on('error', () => response.destroy())
  body.on('aborted', () => response.destroy())
  body.pipe(response)
}

function * responseFields (raw) {
  for (const [name, value] of pairs(raw)) {
    if (!name.startsWith(':') && !hopByHop.has(name)) yield [name, value]
  }
}

const agent = new https.Agent({ keepAlive: true, ...trust })

function overTls (request, response) {
  const headers = []
  for (const [name, value] of pairs(request.rawHeaders)) if (!hopByHop.has(name)) headers.push(name, value)
  const framed = 'transfer-encoding' in request.headers
  if (framed) headers.push('transfer-encoding', 'chunked')
  const onward = https.request({ host, port, agent, method: request.method, path: request.url, headers, ...trust })
  onward.on('response', got => answer(response, got.statusCode, responseFields(got.rawHeaders), got))
  onward.on('error', () => response.destroy())
  request.pipe(onward)
}

let session = null

function connected () {
  if (session === null || session.destroyed || session.closed) {
    session = http2.connect(`https://${host}:${port}`, trust)
    session.on('error', () => {})
  }
  return session
}

function overHttp2 (request, response) {
  const headers = { ':method': request.method, ':path': request.url, ':authority': request.headers.host }
  for (const [name, value] of pairs(request.rawHeaders)) {
    if (hopByHop.has(name) || name === 'host') continue
    headers[name] = name in headers ? [headers[name], value].flat() : value
  }
  const content = 'content-length' in request.headers || 'transfer-encoding' in request.headers
  const stream = connected().request(headers, { endStream: !content })
  stream.on('response', (fields, flags, raw) => answer(response, fields[':status'], responseFields(raw), stream))
  stream.on('error', () => response.destroy())
  if (content) request.pipe(stream)
}

const server = http.createServer(kind === 'h2' ? overHttp2 : overTls)
server.listen(0, '127.0.0.1', () => console.log(`Listening on http://127.0.0.1:${server.address().port}/`))
process.on('SIGTERM', () => process.exit(0))
