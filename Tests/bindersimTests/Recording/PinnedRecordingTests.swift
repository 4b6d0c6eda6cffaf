import BinderBuffer
import Testing

@testable import bindersim

/// Recordings that a second model of the drivers, written apart from the engine from the drivers'
/// rules (a textbook red-black tree, a list of gaps, a map of pages) and itself checked against
/// recordings of the real drivers, answered in the same way to the last line.
@Suite(.timeLimit(.minutes(5))) struct PinnedRecordingTests {
  @Test(
    arguments: [
      (.rust, .mixed, 0xb93d_ba62_447e_1b2c),
      (.rust, .small, 0x5e76_5c1b_8bf9_985e),
      (.rust, .bimodal, 0x2d7c_e14b_25f6_1f60),
      (.rust, .oneway, 0x1251_3082_28d7_f337),
      (.rust, .fifo, 0xe3a1_acfc_e300_bc7a),
      (.rust, .lru, 0x9a24_beb6_107d_8944),
      (.rust, .pages, 0x641e_0a4f_9f70_62d1),
      (.rust, .ties, 0x5619_6439_ed38_6f70),
      (.rust6180, .mixed, 0x2e6a_89d4_7096_f7bc),
      (.rust6180, .small, 0x1dea_50c4_df04_51e0),
      (.rust6180, .bimodal, 0x7cc0_4b04_0f5a_163a),
      (.rust6180, .oneway, 0xf113_6739_66b0_b1fd),
      (.rust6180, .fifo, 0x8f9a_0d2c_7808_caaf),
      (.rust6180, .lru, 0x7073_d831_19bc_54b0),
      (.rust6180, .pages, 0xef98_aeb9_f1f2_d97a),
      (.rust6180, .ties, 0x00da_2cf1_7831_aef0),
      (.c, .mixed, 0x53c6_8d86_f247_8ca0),
      (.c, .small, 0xa2a6_7c15_2a8a_4459),
      (.c, .bimodal, 0x9ff7_51c8_77f6_cdd7),
      (.c, .oneway, 0xa42b_3621_b550_ad05),
      (.c, .fifo, 0x6a4e_e2cb_64c2_c8ea),
      (.c, .lru, 0xc329_2655_5381_31b2),
      (.c, .pages, 0xa164_a555_064b_0350),
      (.c, .ties, 0xdcb4_9901_c90e_0f2e),
      (.c61, .mixed, 0xea01_04e0_7d10_004a),
      (.c61, .small, 0x10c3_b1dc_a8c5_4dc8),
      (.c61, .bimodal, 0xcb28_429e_26b0_de7c),
      (.c61, .oneway, 0x35b0_0724_7a61_3c6d),
      (.c61, .fifo, 0x1063_d998_667c_6d1b),
      (.c61, .lru, 0x6af8_62fe_d987_f2d0),
      (.c61, .pages, 0x2c94_393f_3e90_acb8),
      (.c61, .ties, 0xd28c_2f4c_f383_1d2c),
    ] as [(PlacementPolicy, RecordingWorkload, UInt64)])
  func answersAreThoseOfTheModel(
    policy: PlacementPolicy, workload: RecordingWorkload, expected: UInt64
  ) throws {
    var text = ""
    try runRecord(
      RecordOptions(
        policy: policy, regionLength: 128 << 10, senders: 2, workload: workload, operations: 1500,
        seed: 1)
    ) { text += $0 }
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in text.utf8 {
      hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
      hash ^= hash >> 29
    }
    #expect(hash == expected)
    // And what was recorded verifies.
    var verifier = Verifier(RecordingReader(name: "r", bytes: Array(text.utf8)))
    #expect(verifier.run().verdict == .agrees)
  }
}
