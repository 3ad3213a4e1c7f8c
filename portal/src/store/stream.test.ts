import { describe, expect, it } from 'vitest'
import { EventLines } from './stream'

const TEXT = ': heartbeat\n\nid: 7\nevent: job\ndata: {"id":"a","name":"x\\ny"}\n\nid: 8\r\nevent: request\r\ndata: {"a":\r\ndata: 1}\r\n\r\n'

describe('server-sent events', () => {
  it('tell by a heartbeat up to where nothing is missing', () => {
    const lines = new EventLines()
    expect(lines.take(':\nid: 12\n\n')).toEqual([])
    expect(lines.id).toBe('12')
  })

  it('are the same however they are cut', () => {
    const whole = new EventLines().take(TEXT)
    expect(whole).toEqual([
      { id: '7', kind: 'job', data: { id: 'a', name: 'x\ny' } },
      { id: '8', kind: 'request', data: { a: 1 } },
    ])
    for (let cut = 0; cut <= TEXT.length; cut += 1) {
      const lines = new EventLines()
      expect([...lines.take(TEXT.slice(0, cut)), ...lines.take(TEXT.slice(cut))]).toEqual(whole)
    }
  })
})
