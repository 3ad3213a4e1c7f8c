/** What a team is to be; the address has all of it but the reason. Lists have commas in between. */
export interface OnboardSearch {
  readonly name?: string
  readonly owners?: string
  readonly members?: string
  readonly on?: string
  /** Such as `a100=4, t4=2`. */
  readonly accelerators?: string
  readonly cpu?: string
  readonly memory?: string
  readonly center?: string
  readonly budget?: string
  /** What it needs of its boundary, such as `own-hardware,regulated`. */
  readonly needs?: string
}

const FIELDS = ['name', 'owners', 'members', 'on', 'accelerators', 'cpu', 'memory', 'center', 'budget', 'needs'] as const

export function onboardSearch(given: Record<string, unknown>): OnboardSearch {
  return Object.fromEntries(FIELDS.flatMap((name) => (given[name] === undefined || given[name] === '' ? [] : [[name, String(given[name])]])))
}

export interface LeaveSearch {
  readonly team?: string
  /** Last day on which its data are kept. */
  readonly until?: string
}

export function leaveSearch(given: Record<string, unknown>): LeaveSearch {
  const text = (name: string) => (typeof given[name] === 'string' && given[name] ? { [name]: given[name] } : {})
  return { ...text('team'), ...text('until') }
}
