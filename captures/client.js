// SPDX-License-Identifier: GPL-2.0-or-later
// client.js ROLE [URL]: MQTT.js in one of the roles below. The exit status is 0 if everything was done.
'use strict'
const mqtt = require('mqtt')

const [role, url = 'mqtt://127.0.0.1:1883'] = process.argv.slice(2)
// A provider of its own, since the default one starts at a random packet identifier.
const common = () => ({
  reconnectPeriod: 0, keepalive: 60, rejectUnauthorized: false, messageIdProvider: new mqtt.UniqueMessageIdProvider()
})

setTimeout(() => { console.error('client.js: out of time'); process.exit(1) }, 15000).unref()

const roles = {
  // A 5.0 client that answers with user properties, and says why it leaves.
  async properties () {
    const client = await mqtt.connectAsync(url, {
      ...common(), clientId: 'js-properties', protocolVersion: 5, clean: true,
      properties: { sessionExpiryInterval: 10, userProperties: { made: 'by MQTT.js' } }
    })
    await client.subscribeAsync('all/js', { qos: 2, properties: { subscriptionIdentifier: 300, userProperties: { s: 'x' } } })
    await client.publishAsync('all/js', 'one', { qos: 1, properties: { contentType: 'text/plain', userProperties: { u: ['1', '2'] } } })
    await client.publishAsync('all/js', 'two', { qos: 2, retain: false, properties: { messageExpiryInterval: 5 } })
    await client.unsubscribeAsync('all/js', { properties: { userProperties: { u: 'x' } } })
    await client.endAsync(false, { reasonCode: 0, properties: { reasonString: 'finished', userProperties: { d: 'x' } } })
  },

  // Assigns topic aliases to what it publishes, with fewer aliases than topics.
  async aliases () {
    const client = await mqtt.connectAsync(url, {
      ...common(), clientId: 'js-aliases', protocolVersion: 5, clean: true, autoUseTopicAlias: true, autoAssignTopicAlias: true,
      properties: { topicAliasMaximum: 7 }
    })
    for (const topic of ['a', 'b', 'a', 'c', 'd', 'e', 'a', 'b', 'e', 'e']) {
      await client.publishAsync('long/topic/from/js/' + topic, 'to ' + topic, { qos: 1 })
    }
    await client.endAsync()
  },

  // What WebSocket does to control packets: one over many frames, and many in a row.
  async flow () {
    for (const protocolVersion of [4, 5]) {
      const id = 'js-flow-v' + protocolVersion
      const client = await mqtt.connectAsync(url, {
        ...common(), clientId: id, protocolVersion, clean: true,
        will: { topic: 'flow/will', payload: 'gone', qos: 1, retain: false }
      })
      let seen = 0
      const all = new Promise(resolve => client.on('message', () => { if (++seen === 10) resolve() }))
      await client.subscribeAsync({ ['flow/' + id + '/#']: { qos: 2 } })
      for (const qos of [0, 1, 2]) await client.publishAsync(`flow/${id}/qos`, 'qos ' + qos, { qos })
      await client.publishAsync(`flow/${id}/large`, 'x'.repeat(9000), { qos: 1 })
      await Promise.all(Array.from({ length: 6 }, (_, n) => client.publishAsync(`flow/${id}/burst`, 'burst ' + n, { qos: n % 3 })))
      await all
      await client.endAsync()
    }
  },

  // A short visit over TLS, which offers ALPN mqtt.
  async visit () {
    const client = await mqtt.connectAsync(url, {
      ...common(), clientId: 'js-visit', protocolVersion: 5, clean: true, ALPNProtocols: ['mqtt']
    })
    await client.subscribeAsync('visit/#', { qos: 1 })
    const back = new Promise(resolve => client.on('message', resolve))
    await client.publishAsync('visit/js', 'hello', { qos: 2 })
    await back
    await client.endAsync()
  }
}

roles[role]().then(() => process.exit(0), error => { console.error('client.js:', error.message); process.exit(1) })
