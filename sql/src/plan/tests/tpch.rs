//! The 22 queries of TPC-H: each plans, and the correlated ones without a subquery that runs per row.

use super::{Database, Schema};

const QUERIES: [&str; 22] = [
    include_str!("tpch/q01.sql"),
    include_str!("tpch/q02.sql"),
    include_str!("tpch/q03.sql"),
    include_str!("tpch/q04.sql"),
    include_str!("tpch/q05.sql"),
    include_str!("tpch/q06.sql"),
    include_str!("tpch/q07.sql"),
    include_str!("tpch/q08.sql"),
    include_str!("tpch/q09.sql"),
    include_str!("tpch/q10.sql"),
    include_str!("tpch/q11.sql"),
    include_str!("tpch/q12.sql"),
    include_str!("tpch/q13.sql"),
    include_str!("tpch/q14.sql"),
    include_str!("tpch/q15.sql"),
    include_str!("tpch/q16.sql"),
    include_str!("tpch/q17.sql"),
    include_str!("tpch/q18.sql"),
    include_str!("tpch/q19.sql"),
    include_str!("tpch/q20.sql"),
    include_str!("tpch/q21.sql"),
    include_str!("tpch/q22.sql"),
];

/// The schema with its usual indexes, at scale factor 0.1.
fn database() -> Database {
    Schema::default()
        .table("region", 5.0, "r_regionkey int key, r_name text, r_comment text")
        .table("nation", 25.0, "n_nationkey int key, n_name text, n_regionkey int, n_comment text")
        .index("n_region", false, &["n_regionkey"], None)
        .table(
            "supplier",
            1000.0,
            "s_suppkey int key, s_name text, s_address text, s_nationkey int, s_phone text, s_acctbal real, s_comment text",
        )
        .index("s_nation", false, &["s_nationkey"], None)
        .table(
            "customer",
            15_000.0,
            "c_custkey int key, c_name text, c_address text, c_nationkey int, c_phone text, c_acctbal real, c_mktsegment text, c_comment text",
        )
        .index("c_nation", false, &["c_nationkey"], None)
        .table(
            "part",
            20_000.0,
            "p_partkey int key, p_name text, p_mfgr text, p_brand text, p_type text, p_size int, p_container text, p_retailprice real, p_comment text",
        )
        .table(
            "partsupp",
            80_000.0,
            "ps_partkey int, ps_suppkey int, ps_availqty int, ps_supplycost real, ps_comment text",
        )
        .index("ps_pk", true, &["ps_partkey", "ps_suppkey"], None)
        .index("ps_supp", false, &["ps_suppkey"], None)
        .table(
            "orders",
            150_000.0,
            "o_orderkey int key, o_custkey int, o_orderstatus text, o_totalprice real, o_orderdate text, o_orderpriority text, o_clerk text, o_shippriority int, o_comment text",
        )
        .index("o_cust", false, &["o_custkey"], None)
        .table(
            "lineitem",
            600_000.0,
            "l_orderkey int, l_partkey int, l_suppkey int, l_linenumber int, l_quantity real, l_extendedprice real, l_discount real, l_tax real, l_returnflag text, l_linestatus text, l_shipdate text, l_commitdate text, l_receiptdate text, l_shipinstruct text, l_shipmode text, l_comment text",
        )
        .index("l_pk", true, &["l_orderkey", "l_linenumber"], None)
        .index("l_part_supp", false, &["l_partkey", "l_suppkey"], None)
        .index("l_supp", false, &["l_suppkey"], None)
        .shared("n_region", 5.0)
        .shared("s_nation", 40.0)
        .shared("c_nation", 600.0)
        .shared("ps_pk", 4.0)
        .shared("ps_supp", 80.0)
        .shared("o_cust", 15.0)
        .shared("l_pk", 4.0)
        .shared("l_part_supp", 30.0)
        .shared("l_supp", 600.0)
        .build()
}

#[test]
fn every_query_plans_without_a_subquery_per_row() {
    let database = database();
    for (at, sql) in QUERIES.iter().enumerate() {
        let plan = database.costs(sql);
        if std::env::var_os("SEDGE_SHOW_PLANS").is_some() {
            println!("-- q{:02}\n{plan}\n", at + 1);
        }
        assert!(!plan.contains("for each"), "q{:02} runs a subquery for each row:\n{plan}", at + 1);
    }
}
