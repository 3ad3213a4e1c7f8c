import type { Told } from '../answers/queries'
import type { AnswerSource } from '../api/schema'
import { say } from './toasts'

/** The same act on the command line. */
export function CopyCommand({ command, label = 'Copy command' }: { command: string; label?: string }) {
  return (
    <button
      type="button"
      className="act plain copy"
      title={command}
      onClick={() => void navigator.clipboard.writeText(command).then(() => say(`Copied: ${command}`))}
    >
      {label}
    </button>
  )
}

/** The command that tells what an answer does; before it is known what that rests on, there is none. */
export function CopyAnswer({ command, of }: { command: string; of: Told<unknown> | undefined }) {
  return of ? <CopyCommand command={askedOf(command, of.sources)} /> : null
}

/** A command of each place of which anything is known: the server is asked about one of them at a time. */
export function askedOf(command: string, sources: readonly Pick<AnswerSource, 'name' | 'state'>[]): string {
  return sources.flatMap(({ name, state }) => (state === 'silent' ? [] : [`${command} --on ${shellWord(name)}`])).join('\n') || command
}

/** A word as a shell takes it. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
