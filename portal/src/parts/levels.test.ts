import { describe, expect, it } from 'vitest'
import { asBadAs, levelOf } from './levels'

describe('the level of a line of a log', () => {
  it.each([
    ['2026-11-29 12:00:00,123 ERROR trainer: out of memory', 'error'],
    ['[rank0] WARNING loss is nan', 'warning'],
    ['E1129 12:00:00.000001       1 main.go:10] no such node', 'error'],
    ['{"level":"warn","msg":"slow"}', 'warning'],
    ['time=x level=debug msg="a"', 'debug'],
    ['\u001b[31mERROR\u001b[0m red', 'error'],
    ['ValueError: bad shape', 'error'],
    ['INFO: step 1', 'info'],
    ['no errors so far', null],
    ['step 12, error rate 0.1', null],
    ['', null],
  ])('%s', (text, level) => expect(levelOf(text)).toBe(level))

  it('takes what follows a line with it', () => {
    const lines = ['INFO a', 'ERROR b', '  File "x.py"', 'ValueError: c', 'INFO d', '  more of d', 'WARN e'].map((text) => ({ text }))
    expect(asBadAs(lines, 'error').map((each) => each.text)).toEqual(['ERROR b', '  File "x.py"', 'ValueError: c'])
    expect(asBadAs(lines, 'warning').at(-1)?.text).toBe('WARN e')
    expect(asBadAs(lines, 'info')).toHaveLength(7)
  })
})
