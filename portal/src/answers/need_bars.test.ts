import { describe, expect, it } from 'vitest'
import type { DemonstratedNeed, Terms } from '../api/schema'
import type { DeclaredTeam } from './documents'
import { guaranteedIn, needBars, needWords } from './need_bars'

const DAY = 86_400
const need: DemonstratedNeed = { days: 2, granted: 8 * 2 * DAY, used: 6 * 2 * DAY, idle: 3 * DAY, half: 6, most: 7, waited: 0 }
const share = (cluster: string, devices: number) => ({ cluster, flavor: 'a100', devices, cpu: 0, memory: 0 })
const terms: Terms = { shares: [share('east', 4), share('west', 1)], taken: [], since: 0, until: 1, price: null }
const place = (cluster: string, nominal: number) => ({
  cluster,
  environment: '',
  cohort: null,
  accelerators: [{ flavor: 'a100', nominal, borrowingLimit: null, lendingLimit: null }],
})
const team = { placements: [place('east', 8), place('west', 2), place('north', 16)] } as unknown as DeclaredTeam

describe('the need that a team has shown', () => {
  it('has bars of devices alone, never of device-seconds', () => {
    expect(needBars(need, terms, 10).map((each) => each.devices)).toEqual([6, 7, 10, 5])
  })
  it('says nothing of a guarantee that is not seen', () => {
    expect(needBars(need, terms, null).map((each) => each.said)).not.toContain('guaranteed now')
  })
  it('counts the guarantee where devices are asked for', () => {
    expect(guaranteedIn(terms, team)).toBe(10)
    expect(guaranteedIn(terms, undefined)).toBeNull()
  })
  it('tells shares, and that nobody measured', () => {
    expect(needWords(need)).toBe('75 % of what it had was used, 25 % of that idle')
    expect(needWords({ ...need, idle: null })).toContain('no telemetry')
    expect(needWords({ ...need, granted: 0, used: 0, idle: 0 })).toBe('it was guaranteed nothing')
  })
})
