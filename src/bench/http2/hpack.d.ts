/** The part of hpack.js that is used here; it comes without types. */
declare module "hpack.js" {
  interface Header {
    readonly name: string;
    readonly value: string;
  }

  interface Coder<Input, Output> {
    write(input: Input): boolean;
    /** The next piece of what was written; null if there is none. */
    read(): Output | null;
  }

  interface Decoder extends Coder<Buffer, Header> {
    execute(done?: (error?: Error) => void): void;
  }

  interface Options {
    readonly table: { readonly maxSize: number };
  }

  const hpack: {
    readonly compressor: { create(options: Options): Coder<readonly Header[], Buffer> };
    readonly decompressor: { create(options: Options): Decoder };
  };
  export default hpack;
}
