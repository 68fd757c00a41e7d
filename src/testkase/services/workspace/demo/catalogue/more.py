"""What else the demo team tests."""

from testkase.services.workspace.demo.catalogue.writing import Filed, case

MORE: tuple[Filed, ...] = (
    case(
        "Checkout", "Delivery address is checked before payment", "negative", "high", "The cart holds one item.",
        ("Enter a postcode that does not belong to the city", "The delivery step names the postcode and stays open"),
        ("Correct the postcode", "The payment step opens"),
        tags=("checkout", "address"), automation_id="shop.checkout.AddressTest.postcode_must_match",
    ),
    case(
        "Checkout", "Order total shows delivery and taxes before paying", "positive", "critical",
        "The cart holds a book and a lamp, which are taxed differently.",
        ("Choose express delivery", "Items, delivery and both taxes stand in lines of their own"),
        ("Compare the sum with the total", "They are equal to the cent"),
        type="acceptance", tags=("checkout", "taxes"), automation_id="shop.checkout.TotalTest.shows_all_parts",
    ),
    case(
        "Checkout", "A second press on Pay places one order", "boundary", "critical", "The payment step is filled in.",
        ("Press Pay twice within a second", "The button is disabled after the first press"),
        ("Open the list of orders", "There is one order, and one payment"),
        type="regression", tags=("checkout", "payment"), automation_id="shop.checkout.PaymentTest.pay_twice",
    ),
    case(
        "Checkout / Payment", "Payment page comes back after the bank's confirmation", "positive", "critical",
        "A test card that asks for confirmation.",
        ("Pay with the card", "The bank's confirmation opens"),
        ("Confirm", "The confirmation page shows the order number within five seconds"),
        type="integration", tags=("payment", "flaky"), automation_id="shop.checkout.PaymentTest.bank_confirmation",
    ),
    case(
        "Checkout / Payment", "Cancelled confirmation leads back to the cart", "negative", "high",
        "A test card that asks for confirmation.",
        ("Pay, then cancel at the bank", "The payment step says that the payment was cancelled"),
        ("Look at the cart", "All items are still there"),
        tags=("payment",), automation_id="shop.checkout.PaymentTest.cancelled",
    ),
    case(
        "Checkout / Payment", "Refund reaches the card that paid", "positive", "high", "An order paid by card.",
        ("Refund one of two items", "The order shows the amount given back"),
        ("Look at the payment provider", "The refund goes to the same card"),
        type="integration", tags=("payment", "refund"),
    ),
    case(
        "Checkout / Payment", "Saved card can be removed", "positive", "medium", "An account with two saved cards.",
        ("Remove one of the cards", "It is gone from the list at once"),
        ("Start a new order", "Only the other card is offered"),
        tags=("payment", "account"), automation_id="shop.account.CardsTest.remove",
    ),
    case(
        "Vouchers", "A voucher counts once per customer", "negative", "high", "A voucher that was used in an order.",
        ("Enter the code in a second order", "The page says that it was used, and when"),
        ("Cancel the first order and try again", "The code is accepted"),
        type="regression", tags=("vouchers",), automation_id="shop.vouchers.VoucherTest.once_per_customer",
    ),
    case(
        "Vouchers", "Voucher cannot make the total negative", "boundary", "high", "A voucher over 50 euros.",
        ("Apply it to a cart of 30 euros", "The total is 0.00 euros; nothing is paid out"),
        tags=("vouchers",), automation_id="shop.vouchers.VoucherTest.never_negative",
    ),
    case(
        "Cart", "Cart survives signing in", "positive", "high", "A guest's cart with two items; an account with one.",
        ("Sign in", "The cart holds all three items"),
        type="smoke", tags=("cart", "account"), automation_id="shop.cart.CartTest.merged_at_sign_in",
    ),
    case(
        "Cart", "Sold-out item is named in the cart", "negative", "medium", "The cart holds the last piece of an item.",
        ("Buy the piece from another account", "The order is placed"),
        ("Reload the cart", "The item is marked as sold out, and checking out is refused with its name"),
        tags=("cart", "stock"), automation_id="shop.cart.StockTest.sold_out",
    ),
    case(
        "Cart", "Price change is shown before checking out", "positive", "medium", "The cart holds an item.",
        ("Raise the item's price", "The cart names the old and the new price"),
        ("Check out", "The new price is charged"),
        type="regression", tags=("cart", "prices", "flaky"), automation_id="shop.cart.PriceTest.change_is_shown",
    ),
    case(
        "Account", "Account is locked after five wrong passwords", "boundary", "high", "An account with an order.",
        ("Enter a wrong password five times", "The fifth answer says that the account is locked for 30 minutes"),
        ("Enter the right password", "It is refused with the same words"),
        type="regression", tags=("account", "sign-in"), automation_id="shop.account.SignInTest.locked",
    ),
    case(
        "Account", "Order of another customer cannot be opened", "security", "critical", "Two accounts, an order each.",
        ("Open the other order by its address", "The page answers as if there were no such order"),
        ("Change the number in the address ten times", "No answer differs"),
        tags=("account", "privacy"), automation_id="shop.account.OrdersTest.others_are_hidden",
    ),
    case(
        "Account", "Password reset link works once", "security", "high", "An account with a confirmed address.",
        ("Ask for a reset and open the link", "A new password can be set"),
        ("Open the link again", "The page says that it was used"),
        tags=("account", "sign-in"), automation_id="shop.account.ResetTest.once",
    ),
    case(
        "Account", "Checkout can be done with the keyboard alone", "accessibility", "high", "The cart holds one item.",
        ("Go from the cart to the confirmation with Tab, arrows and Enter", "Every field is reached in order"),
        ("Listen with a screen reader", "Each step, error and total is read out"),
        type="usability", tags=("checkout", "accessibility"),
    ),
    case(
        "Administration", "Shop manager changes delivery prices", "permission", "medium", "A manager, a supporter.",
        ("Change the price as manager", "New carts use it at once"),
        ("Try the same as support", "The page answers that this account may not"),
        tags=("administration",),
    ),
    case(
        "Administration", "Export of orders opens safely in a spreadsheet", "security", "medium",
        "An order whose note begins with an equals sign.",
        ("Export the orders of today", "A CSV file comes with one line per order"),
        ("Open it in a spreadsheet", "The note is shown as text and nothing is computed"),
        tags=("administration", "export"), automation_id="shop.admin.ExportTest.no_formulas",
    ),
    case(
        "Administration", "Checkout answers within two seconds with 200 customers", "positive", "medium",
        "The load generator has 200 accounts with carts.",
        ("Let all of them check out within a minute", "95 of 100 answers come within two seconds"),
        ("Look at the orders", "There are 200, each paid once"),
        type="performance", tags=("performance",),
    ),
)  # fmt: skip
