/** What somebody submitted, by the object that it became. */
export interface WorkName {
  /** Such as `Job`; empty where only a name is told. */
  readonly kind: string
  readonly name: string
  /** Id of the job that the object was made of; null where its name has none. */
  readonly job: string | null
}

/** Objects that Allotment makes of a job are called by its name and its id, with `--` in between, which no part contains. */
const OF_A_JOB = /^(.+)--(j[a-z0-9]+)$/

/** An object as answers name it, `Job/train--j7k2m` or without its kind, taken apart. */
export function workNamed(said: string): WorkName {
  const at = said.indexOf('/')
  const [kind, object] = at < 0 ? ['', said] : [said.slice(0, at), said.slice(at + 1)]
  const [, name, job] = OF_A_JOB.exec(object) ?? []
  return name && job ? { kind, name, job } : { kind, name: object, job: null }
}

/** A sentence on an object without its name at the beginning: that stands beside it already. */
export function withoutName(sentence: string, kind: string, object: string): string {
  const begin = [`the ${kind} ${object} `, `${kind} ${object} `, `${object} `].find((each) => sentence.startsWith(each))
  return begin ? sentence.slice(begin.length) : sentence
}
