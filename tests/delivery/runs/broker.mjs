// SPDX-License-Identifier: GPL-2.0-or-later
// broker.mjs FOLDER NAME PORT: aedes or mosca as FOLDER/node_modules has it.
import { createRequire } from 'module'
import { createServer } from 'net'

const [folder, name, port] = process.argv.slice(2)
const require = createRequire(folder + '/package.json')
process.on('uncaughtException', error => console.error(error))

if (name === 'mosca') {
  const mosca = require('mosca')
  const server = new mosca.Server({ port: +port, persistence: { factory: mosca.persistence.Memory } })
  server.on('ready', () => console.log('ready'))
} else {
  // Since 1.0 it is made asynchronously.
  const module = await import(require.resolve('aedes'))
  const aedes = module.Aedes?.createBroker ? await module.Aedes.createBroker() : module.default()
  createServer(aedes.handle).listen(+port, () => console.log('ready'))
}
