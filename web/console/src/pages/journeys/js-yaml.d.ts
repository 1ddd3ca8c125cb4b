declare module 'js-yaml' {
  export function dump(value: unknown, options?: { indent?: number; lineWidth?: number; noRefs?: boolean; flowLevel?: number }): string;
  export function load(text: string): unknown;
  export class YAMLException extends Error {
    mark?: { line: number; column: number };
    reason: string;
  }
}
