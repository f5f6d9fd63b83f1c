// SPDX-License-Identifier: GPL-2.0-or-later
// client.js ROLE [URL]: MQTT.js in one of the roles below. The exit status is 0 if everything was done.
'use strict'
const mqtt = require('mqtt')

const [role, url = 'mqtt://127.0.0.1:1883'] = process.argv.slice(2)

function connect (clientId, protocolVersion, options) {
  return mqtt.connectAsync(url, {
    clientId,
    protocolVersion,
    clean: true,
    keepalive: 60,
    reconnectPeriod: 0,
    rejectUnauthorized: false,
    // Of its own, since the default one starts at a random packet identifier.
    messageIdProvider: new mqtt.UniqueMessageIdProvider(),
    ...options
  })
}

setTimeout(() => { console.error('client.js: out of time'); process.exit(1) }, 15000).unref()

const roles = {
  // A 5.0 client with properties in whatever it sends.
  async properties () {
    const client = await connect('js-properties', 5, {
      properties: { sessionExpiryInterval: 10, userProperties: { made: 'by MQTT.js' } }
    })
    await client.subscribeAsync('all/js', {
      qos: 2, properties: { subscriptionIdentifier: 300, userProperties: { s: 'x' } }
    })
    await client.publishAsync('all/js', 'one', {
      qos: 1, properties: { contentType: 'text/plain', userProperties: { u: ['1', '2'] } }
    })
    await client.publishAsync('all/js', 'two', { qos: 2, properties: { messageExpiryInterval: 5 } })
    await client.unsubscribeAsync('all/js', { properties: { userProperties: { u: 'x' } } })
    await client.endAsync(false, {
      reasonCode: 0, properties: { reasonString: 'finished', userProperties: { d: 'x' } }
    })
  },

  // Assigns topic aliases to what it publishes, with fewer aliases than topics.
  async aliases () {
    const client = await connect('js-aliases', 5, {
      autoUseTopicAlias: true, autoAssignTopicAlias: true, properties: { topicAliasMaximum: 7 }
    })
    for (const topic of ['a', 'b', 'a', 'c', 'd', 'e', 'a', 'b', 'e', 'e']) {
      await client.publishAsync('long/topic/from/js/' + topic, 'to ' + topic, { qos: 1 })
    }
    await client.endAsync()
  },

  // What WebSocket does to control packets: one over many frames, and some in a row.
  async flow () {
    for (const version of [4, 5]) {
      const id = 'js-flow-v' + version
      const topic = 'flow/' + id
      const client = await connect(id, version, {
        will: { topic: 'flow/will', payload: 'gone', qos: 1, retain: false }
      })
      let seen = 0
      const all = new Promise(resolve => client.on('message', () => { if (++seen === 10) resolve() }))
      await client.subscribeAsync({ [topic + '/#']: { qos: 2 } })
      for (const qos of [0, 1, 2]) await client.publishAsync(topic + '/qos', 'qos ' + qos, { qos })
      await client.publishAsync(topic + '/large', 'x'.repeat(9000), { qos: 1 })
      const burst = n => client.publishAsync(topic + '/burst', 'burst ' + n, { qos: n % 3 })
      await Promise.all([0, 1, 2, 3, 4, 5].map(burst))
      await all
      await client.endAsync()
    }
  },

  // A short visit over TLS, which offers ALPN mqtt.
  async visit () {
    const client = await connect('js-visit', 5, { ALPNProtocols: ['mqtt'] })
    await client.subscribeAsync('visit/#', { qos: 1 })
    const back = new Promise(resolve => client.on('message', resolve))
    await client.publishAsync('visit/js', 'hello', { qos: 2 })
    await back
    await client.endAsync()
  }
}

roles[role]().then(() => process.exit(0), error => {
  console.error('client.js:', error.message)
  process.exit(1)
})
