import BinderBuffer
import PageAlloc
import Testing

@Suite struct Smoke {
  @Test func onewayAndSync() throws {
    let context = Context()
    let server = try context.makeProcess(pid: 1, regionLength: 1 << 20)
    let client = try context.makeProcess(pid: 2, regionLength: 1 << 20)
    let node = server.makeNode()
    let message: [UInt8] = [1, 2, 3, 4, 5]
    let receipt = try client.send(oneway: true, data: message.span.bytes, to: node)
    #expect(receipt.call == nil)
    if let delivery = try server.receive() {
      delivery.withData {
        #expect($0.byteCount == 5 && $0.unsafeLoad(fromByteOffset: 4, as: UInt8.self) == 5)
      }
      #expect(delivery.offset == receipt.offset)
    } else {
      Issue.record("nothing")
    }
    let call = try #require(try client.send(data: message.span.bytes, to: node).call)
    if let delivery = try server.receive() {
      #expect(delivery.needsReply == true)
      try server.reply(to: delivery, data: message.span.bytes)
    }
    if let reply = try client.takeReply(call) {
      #expect(reply.dataSize == 5)
    } else {
      Issue.record("no reply")
    }
    #expect(server.statistics.bufferCount == 0)
    #expect(client.statistics.bufferCount == 0)
    print(server.debugDump(), server.statistics)
  }
}
