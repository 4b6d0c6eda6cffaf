import Glibc
import Testing

/// What a program prints on a terminal of its own.
enum PseudoTerminal {
  /// Runs the built `bindersim` to its end, output and errors on a terminal of so many columns.
  static func run(
    _ arguments: [String], columns: Int = 80, environment: [String] = ["TERM=xterm"]
  ) throws -> (status: Int32, shown: String) {
    let terminal = unsafe open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    try #require(terminal >= 0)
    defer { close(terminal) }
    var size = winsize(ws_row: 40, ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
    try #require(unsafe ioctl(terminal, UInt(TIOCSWINSZ), &size) == 0)
    // TIOCSPTLCK and TIOCGPTN, which Swift's importer does not show.
    var (lock, number): (CInt, CInt) = (0, 0)
    try #require(unsafe ioctl(terminal, 0x4004_5431, &lock) == 0)
    try #require(unsafe ioctl(terminal, 0x8004_5430, &number) == 0)
    let other = "/dev/pts/\(number)"
    let pid = try BuiltTool.start(arguments, environment: environment, output: other, errors: other)
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = unsafe read(terminal, &chunk, chunk.count)
      // The last one who had it open has ended.
      guard count > 0 else { break }
      bytes += chunk[..<count]
    }
    return (BuiltTool.wait(for: pid), String(decoding: bytes, as: UTF8.self))
  }
}
