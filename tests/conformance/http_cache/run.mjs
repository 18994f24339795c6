// Calls the modules of npm's http-cache-tests, and prints JSON.
//
//   node run.mjs PACKAGE catalogue   its suites with their tests, and the results that it publishes of other caches
//   node run.mjs PACKAGE run BASE    the result of every test that applies to a proxy: true, or [kind, message]
import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const [folder, command, base] = process.argv.slice(2)
const load = name => import(pathToFileURL(path.join(folder, name)))

async function loadSuites () {
  const suites = (await load('tests/index.mjs')).default
  return [...suites, (await load('tests/surrogate-control.mjs')).default]
}

async function catalogue () {
  const suites = (await loadSuites()).map(suite => ({
    id: suite.id,
    name: suite.name,
    tests: suite.tests.map(test => ({
      id: test.id,
      name: test.name,
      kind: test.kind || 'required',
      depends_on: test.depends_on || [],
      browser_only: test.browser_only === true
    }))
  }))
  const published = (await load('results/index.mjs')).default.map(cache => ({
    name: cache.name,
    type: cache.type,
    version: cache.version,
    results: JSON.parse(fs.readFileSync(path.join(folder, 'results', cache.file)))
  }))
  return { suites, published }
}

async function run () {
  const fetch = (await load('node_modules/node-fetch/lib/index.mjs')).default
  const { runTests, getResults } = await load('client/runner.mjs')
  await runTests(await loadSuites(), fetch, false, base)
  return getResults()
}

const commands = { catalogue, run }
console.log(JSON.stringify(await commands[command](), null, 1))
