import BinderBuffer
import Foundation
import Glibc
import PageAlloc

/// One process has the engine and answers. It starts another one, which asks.
@main enum BetweenProcesses {
  static func main() throws {
    let questions = Array(CommandLine.arguments.dropFirst())
    if questions.first == "ask" {
      try ask(Array(questions.dropFirst()), over: 0)
    } else {
      try startAndAnswer(questions)
    }
  }
}

// MARK: The process that has the engine

func startAndAnswer(_ questions: [String]) throws {
  var ends: [Int32] = [-1, -1]
  let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
  guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw POSIXError(.EMFILE) }
  let asker = Process()
  asker.executableURL = Bundle.main.executableURL
  asker.arguments = ["ask"] + questions
  asker.standardInput = FileHandle(fileDescriptor: ends[1])
  try asker.run()
  close(ends[1])
  try answer(asker.processIdentifier, over: ends[0])
  close(ends[0])
  asker.waitUntilExit()
}

/// Answers until the asker is gone; everything that it held goes with `context`.
func answer(_ asker: Int32, over socket: Int32) throws {
  let context = Context()
  let server = try context.makeProcess(pid: getpid(), regionLength: 1 << 20)
  let node = server.makeNode()
  // The asker's region: made here, read there.
  let client = try context.makeProcess(pid: asker, regionLength: 1 << 20, sharing: .exportable)
  let region = try client.readOnlyDescriptor()
  try RegionReader.send(region, over: socket)
  close(region)
  let memory = try UserProcess(pid: asker)

  while let place = hear(2, from: socket) {
    // The one copy: out of the asker's memory into a buffer of the server's region.
    let question = UserSlice(address: place[0], length: Int(clamping: place[1]), in: memory)
    let call = try client.call(Transaction(data: question), to: node)
    if let request = try server.receive() {
      let text = String(decoding: request.data, as: UTF8.self)
      // And back: into a buffer of the asker's region.
      try request.reply(Array(text.uppercased().utf8))
    }
    let reply = try call.awaitReply()
    tell([UInt(reply.offset), UInt(reply.dataSize)], over: socket)
    // The asker reads in place; the buffer is free again when it is done.
    guard hear(1, from: socket) != nil else { return }
    reply.free()
  }
}

// MARK: The process that asks

func ask(_ questions: [String], over socket: Int32) throws {
  let region = try RegionReader(receivingFrom: socket)
  for question in questions {
    let bytes = Array(question.utf8)
    let place = UserSlice.withAddress(of: bytes.span) { address, length in
      tell([address, UInt(length)], over: socket)
      return hear(2, from: socket)
    }
    guard let place else {
      print("nobody answers any more")
      exit(1)
    }
    let answer = try region.bytes(at: Int(place[0]), count: Int(place[1]))
    print(String(decoding: answer, as: UTF8.self))
    tell([1], over: socket)
  }
}

// MARK: A few numbers over a socket

func tell(_ numbers: [UInt], over socket: Int32) {
  _ = send(socket, numbers, numbers.count * 8, Int32(MSG_NOSIGNAL))
}

/// Nil when the other side is gone.
func hear(_ count: Int, from socket: Int32) -> [UInt]? {
  var numbers = [UInt](repeating: 0, count: count)
  let got = recv(socket, &numbers, count * 8, Int32(MSG_WAITALL))
  return got == count * 8 ? numbers : nil
}
