"""What Razorpay does with money: orders, payments, refunds, links and disputes. Plain functions over the simulator."""
