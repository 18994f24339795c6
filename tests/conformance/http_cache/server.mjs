// The suite's own server on a port that the kernel chooses; it prints where it listens. SIGTERM ends it well.
//
//   node server.mjs PACKAGE PIDFILE
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const [folder, pidfile] = process.argv.slice(2)
process.env.npm_config_protocol = 'http'
process.env.npm_config_port = '0'
process.env.npm_config_pidfile = pidfile
process.on('SIGTERM', () => process.exit(0))
await import(pathToFileURL(path.join(folder, 'server/server.mjs')))
